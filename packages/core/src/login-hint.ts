import type { Account } from './grant.ts'

/** By what the provider knows the account, so that on a reconnect the person need not choose again. */
export function loginHint ({ claims }: Account, claim?: string): string | undefined {
  const hint = claim === undefined ? claims['email'] ?? claims['preferred_username'] : claims[claim]
  // A provider's text goes back to that provider, but only as far as a parameter should.
  return typeof hint === 'string' && hint !== '' && hint.length <= 320 ? hint : undefined
}
