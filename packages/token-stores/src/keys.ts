import { grantKeyId, ownerId, type GrantKey, type Owner } from '@consentry/core'

/** What tells the grants of one owner apart: the end of the key's id, `provider/profile`. */
export function grantName (key: GrantKey): string {
  return grantKeyId(key).slice(ownerId(key).length + 1)
}

/** The key that an owner's grant of this name has; the reverse of `grantName`. */
export function grantKey ({ tenant, userId }: Owner, name: string): GrantKey {
  const [provider = '', profile = ''] = name.split('/').map(decodeURIComponent)
  return { tenant, userId, provider, profile }
}

/** The names of those ids that are the owner's. */
export function namesOf (owner: Owner, ids: readonly string[]): string[] {
  const start = `${ownerId(owner)}/`
  return ids.filter((id) => id.startsWith(start)).map((id) => id.slice(start.length))
}
