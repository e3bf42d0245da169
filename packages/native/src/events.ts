import { ConsentryError, type ErrorCode } from '@consentry/core'

/** How a person can be asked: in a browser of this machine, by a URL that they open and paste back, on another device. */
export type LoginMethod = 'browser' | 'paste' | 'device'

const methods: ReadonlySet<unknown> = new Set<LoginMethod>(['browser', 'paste', 'device'])

export function isLoginMethod (value: unknown): value is LoginMethod {
  return methods.has(value)
}

/** `pending`: the person is asked. `in_progress`: they answered. The others are ends, of which there is one. */
export type LoginState = 'pending' | 'in_progress' | 'completed' | 'cancelled' | 'failed' | 'timed_out'

/** What the person has to be shown. */
export type Ask =
  /** A browser was told to open `url`. */
  | { readonly method: 'browser', readonly url: string }
  /** The person opens `url` in any browser; where it ends, they copy its address and give it to `readLine`. */
  | { readonly method: 'paste', readonly url: string }
  /** RFC 8628 section 3.3: the person opens `verificationUri` anywhere and types `userCode`. */
  | {
    readonly method: 'device'
    readonly verificationUri: string
    readonly userCode: string
    /** With the code in it, for a link or a QR code. */
    readonly verificationUriComplete?: string
    /** Seconds. */
    readonly expiresIn: number
  }

/** What happens to a login. Holds no code and no token; the URLs hold the `state`, so they are for the person alone. */
export type LoginEvent =
  /** `refused`: what was pasted is not the answer to this question, and why. */
  | { readonly state: 'pending', readonly ask: Ask, readonly refused?: ErrorCode }
  | { readonly state: 'in_progress' }
  | { readonly state: 'completed' }
  | { readonly state: 'cancelled' | 'failed' | 'timed_out', readonly code: ErrorCode }

/** The end that an error is. */
export function endOf (error: unknown): LoginEvent {
  const code = ConsentryError.is(error) ? error.code : 'CONSENTRY_ERR_INTERNAL'
  switch (code) {
    case 'CONSENTRY_ERR_FLOW_CANCELLED':
    case 'CONSENTRY_ERR_CONSENT_DENIED':
      return { state: 'cancelled', code }
    case 'CONSENTRY_ERR_FLOW_EXPIRED':
      return { state: 'timed_out', code }
    default:
      return { state: 'failed', code }
  }
}
