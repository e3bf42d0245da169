import type { HostileProvider } from '../hostile-op/types.ts'

/** How far a sign-in or a connect may get: the first thing that must not happen. */
export type Barrier = 'authorization' | 'token' | 'userinfo' | 'session'

/** A refusal: its code, and what must not happen any more. */
export interface Refusal {
  code: string
  /** Neither a request of this kind nor of a later one, and no session or grant. */
  no: Barrier
  /** But a session or a grant of before, which stays as it was. */
  keeps?: true
  /** The run that waits is told too, though no token request was made: the provider said no to the person. */
  settles?: true
  /** Seconds that the person is told to wait. */
  retryAfter?: number
}

/**
 * `accepted, account unknown`: a grant, of which nobody told whose it is. `asked again`: a question that was answered
 * before is put to the person anew.
 */
export type Expected = 'accepted' | 'accepted, account unknown' | 'asked again' | Refusal

/** How the client is set up, where that is not the ordinary way. */
export interface ConformanceClient {
  /** RS256 alone unless given. */
  signingAlgorithms?: ReadonlyArray<'RS256' | 'PS256' | 'ES256'>
  /** With a key for DPoP. */
  dpop?: true
  /** Pushes its authorization requests. */
  pushed?: true
  /** For each request, in milliseconds; longer than any test takes unless given. */
  timeout?: number
  /** Its clock stands there, in milliseconds since the epoch. */
  clock?: number
}

/** One way to misbehave, or to behave oddly within the rules. */
export interface ConformanceCase {
  /** Unique in the catalogue, up to 58 characters of `a-z0-9-`. */
  name: string
  /** What the provider does, for the table. */
  does: string
  /** The tests of the OpenID Foundation that do the same. */
  oidf?: readonly string[]
  client?: ConformanceClient
  /** Signs somebody in, as it should be, before it misbehaves. */
  warm?: true
  /** With the grant an API is asked, `resource`. */
  resource?: true
  /** What starts a sign-in at the application, in the chapter of those that others start. */
  initiation?: (op: HostileProvider, application: string) => Record<string, string> | Array<[name: string, value: string]>
  /** At which address: that of all providers unless given. */
  at?: 'provider'
  misbehave: (op: HostileProvider) => void | Promise<void>
  expected: Expected | { signIn: Expected, connect: Expected }
}

/** What all cases of a chapter go through. */
export type Journey = 'sign-in and connect' | 'refresh' | 'disconnect' | 'logout token' | 'logout' | 'initiated sign-in'

/** Cases about one thing. */
export interface ConformanceChapter {
  title: string
  /** Of SECURITY.md. */
  rules?: readonly string[]
  /** For whoever reads the table. */
  about: string
  journey: Journey
  /** `oauth2` cases go through a provider without OpenID Connect too. */
  protocols: ReadonlyArray<'oidc' | 'oauth2'>
  cases: readonly ConformanceCase[]
}
