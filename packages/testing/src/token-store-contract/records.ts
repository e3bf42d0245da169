import type { ContractKey, ContractRecord } from './types.ts'

/** A record as a provider's answer makes it. */
export function contractRecord (values: Partial<ContractRecord> = {}): ContractRecord {
  return {
    v: 1,
    accessToken: 'canary-access-token',
    tokenType: 'bearer',
    refreshToken: 'canary-refresh-token',
    expiresAt: 1_700_000_060_000,
    scopes: ['read', 'write'],
    requestedScopes: ['read', 'write', 'admin'],
    account: { issuer: 'https://idp.example.com', subject: '42', claims: { email: 'canary@example.com', name: 'Zoë 🔑' } },
    createdAt: 1_700_000_000_000,
    updatedAt: 1_700_000_000_000,
    ...values
  }
}

let users = 0

/** A key that no other test uses. */
export function contractKey (values: Partial<ContractKey> = {}): ContractKey {
  return { tenant: 'default', userId: `user-${process.pid}-${++users}`, provider: 'github', profile: 'default', ...values }
}

/** Parts of keys that stores have confused: separators, patterns, hash tags of a cluster, paths, member names, other alphabets, length. */
export const hostileParts: ReadonlyArray<[name: string, parts: string[]]> = [
  ['seed E: a__b and c, a and b__c', ['a__b', 'c', 'a', 'b__c']],
  ['seed E: patterns', ['.*', '*', '?', '[a-z]', '%', '_']],
  ['separators and hash tags', [':', '{}', '{a}', 'a}b{', '/', '%2F', '\\', '|', '\u0000', '\n']],
  ['paths and member names', ['..', '.', '__proto__', 'constructor', 'toString']],
  ['other alphabets', ['É', 'E\u0301', 'ß', 'ss', '日本語', '🔑']],
  ['length', ['x'.repeat(5_000), `${'x'.repeat(4_999)}y`]]
]
