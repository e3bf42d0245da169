import type { Connection, Grant } from '@consentry/core'
import { printable } from './printable.ts'

/** What a person recognises an account by. */
export function personOf ({ account }: Pick<Grant | Connection, 'account'>): string {
  return account === undefined ? 'an account that the provider does not name' : printable(account.name ?? account.email ?? account.subject)
}
