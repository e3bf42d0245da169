import { timingSafeEqual } from 'node:crypto'
import { ConsentryError, type ErrorCode } from './errors.ts'
import type { Account, GrantKey } from './grant.ts'

/** How a flow ended, and what every waiter learns: one of these, exactly once. */
export type FlowOutcome = 'granted' | 'denied' | 'cancelled' | 'expired' | 'superseded' | 'account_mismatch' | 'provider_error'

/** `pending` until an answer of the provider is accepted, `claimed` while that is worked on, then `settled`. */
export type FlowStatus = 'pending' | 'claimed' | 'settled'

interface FlowBase {
  /** The version of this shape. */
  v: 1
  /** 128 bits nobody can guess. Public to the owner. */
  id: string
  status: FlowStatus
  outcome?: FlowOutcome
  /** Why, when the outcome is `provider_error`. */
  error?: ErrorCode
  /** The name under which the provider is configured. */
  provider: string
  redirectUri: string
  scopes: string[]
  /** What the redirect carries and only the provider and the browser see. */
  state: string
  /** What only a browser that passed the check of the owner holds, in a cookie. */
  binding: string
  nonce: string
  codeVerifier: string
  /** Whether a browser was sent to the provider with it. From then on its scopes stay. */
  opened: boolean
  /** Milliseconds since the epoch, as all times here. */
  createdAt: number
  expiresAt: number
  /** When an answer of the provider was accepted. */
  claimedAt?: number
}

/** An attempt to sign someone in. */
export interface LoginFlow extends FlowBase {
  purpose: 'login'
  /** The path to go to afterwards, on our own origin. */
  returnTo: string
  /** The only person who may sign in, when it is to prove again who is there. */
  userId?: string
  /** The oldest sign-in at the provider that will do, in seconds. */
  maxAge?: number
  /** The ways of signing in that will do. */
  acrValues?: string[]
}

/** An attempt to obtain a grant. */
export interface ConnectFlow extends FlowBase {
  purpose: 'connect'
  /** Whose grant it will be, and under which name. */
  key: GrantKey
  /** Whether a refresh token is held already; passed on to the provider. */
  refreshToken: 'wanted' | 'held'
  /** The account the person is expected to use; passed on to the provider. */
  loginHint?: string
  /** `select_account` when another account than the one at hand may be meant; passed on to the provider. */
  prompt?: string
  /** The only account that will do. */
  account?: Pick<Account, 'issuer' | 'subject'>
  /** Who waits for it. Without anyone left it is cancelled, unless `standing`. */
  waiters: FlowWaiter[]
  /** Nobody waits: someone will come back and look. */
  standing: boolean
  /** The owner has a program and no session in a browser: any browser may bring the answer, and the program hands in its handle (B6). */
  byHandle: boolean
}

/**
 * An attempt to answer a connect flow in a browser that is not signed in as its owner (B6). It has secrets of its own, so
 * that what one browser learns of it is worth nothing in another.
 */
export interface RelayFlow extends FlowBase {
  purpose: 'relay'
  refreshToken: 'wanted' | 'held'
  prompt?: string
  /** The flow that it answers. */
  flowId: string
}

/** Who waits for the end of a flow. */
export interface FlowWaiter {
  id: string
  executionId?: string
}

/** One attempt to obtain a grant or a login. Used once. */
export type Flow = LoginFlow | ConnectFlow | RelayFlow

/** How a flow ended for one who waited for it. */
export interface FlowEnd {
  id: string
  status: 'settled'
  outcome: FlowOutcome
  error?: ErrorCode
  /** What was asked for. */
  scopes: readonly string[]
  /** Whether only one account would have done. */
  pinned: boolean
}

/** How long an exchange may take, in milliseconds. After that, whoever claimed the flow is taken for dead. */
export const claimGrace = 30_000

/**
 * Whether the flow may have been claimed by someone who is no more there to settle it: by the clock of this node. Another
 * node's may have been another, so the store has the last word.
 */
export function mayBeAbandoned (flow: Flow, now: number): boolean {
  const age = now - (flow.claimedAt ?? now)
  return flow.status === 'claimed' && (age < 0 || age > claimGrace)
}

/** Whether an answer to the flow may still come, or be worked on. */
export function isUnderWay (flow: Flow, now: number): boolean {
  return flow.status !== 'settled' && flow.expiresAt > now
}

/** What a flow leaves behind so that a late visitor can be told how it ended: no secret of the token request. */
export function settled<F extends Flow> (flow: F, outcome: FlowOutcome, error?: ErrorCode): F {
  const ended = { ...flow, status: 'settled' as const, outcome, nonce: '', codeVerifier: '' }
  return error === undefined ? ended : { ...ended, error }
}

/** `state` names its flow, so that one read finds it; the secret part is compared as a whole. */
export function flowIdOf (state: string): string | undefined {
  const dot = state.indexOf('.')
  return dot === -1 ? undefined : state.slice(0, dot)
}

/** Compares secrets in constant time. That their lengths differ, which are no secret, is told at once. */
export function sameSecret (a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

/** The error that tells how a flow ended, to those who needed a grant of it. */
export function outcomeError (outcome: FlowOutcome, error?: ErrorCode): ConsentryError {
  return new ConsentryError(error ?? outcomeCodes[outcome])
}

const outcomeCodes: Record<FlowOutcome, ErrorCode> = {
  granted: 'CONSENTRY_ERR_FLOW_NOT_FOUND',
  denied: 'CONSENTRY_ERR_CONSENT_DENIED',
  cancelled: 'CONSENTRY_ERR_FLOW_CANCELLED',
  expired: 'CONSENTRY_ERR_FLOW_EXPIRED',
  superseded: 'CONSENTRY_ERR_FLOW_SUPERSEDED',
  account_mismatch: 'CONSENTRY_ERR_ACCOUNT_MISMATCH',
  provider_error: 'CONSENTRY_ERR_PROVIDER_REFUSED'
}
