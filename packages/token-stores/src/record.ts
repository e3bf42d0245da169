import { ConsentryError, type GrantRecord } from '@consentry/core'

/** The version of grants, and of files with grants, that is understood; a newer one is refused, never rewritten. */
const known = 1

/** The stored grant. Throws `CONSENTRY_ERR_RECORD_UNREADABLE` when a newer version wrote it, or when it is none. */
export function readRecord (json: string): GrantRecord {
  const record = readVersioned(json)
  if (!('accessToken' in record) || typeof record.accessToken !== 'string') throw unreadable('it has no access token')
  return record as GrantRecord
}

/** The object with a version `v` that the text holds. Throws `CONSENTRY_ERR_RECORD_UNREADABLE`. */
function readVersioned (json: string): { v: number } {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    // What the parser says quotes the text, which may hold tokens.
    throw unreadable('it is not JSON')
  }
  if (typeof value !== 'object' || value === null || !('v' in value) || typeof value.v !== 'number') throw unreadable('it has no version')
  if (!(value.v <= known)) throw unreadable(`it has version ${value.v}, and ${known} is the newest known here`)
  return value as { v: number }
}

/** The same of a file, which has an object or a list under each of the names. Throws `CONSENTRY_ERR_RECORD_UNREADABLE`. */
export function readFile (json: string, ...names: string[]): { v: number } {
  const file = readVersioned(json)
  for (const name of names) {
    const member = (file as Record<string, unknown>)[name]
    if (typeof member !== 'object' || member === null) throw unreadable(`it has no ${name}`)
  }
  return file
}

/** The error for a record that means nothing here; `why` is for whoever runs the server. */
export function unreadable (why: string): ConsentryError {
  return new ConsentryError('CONSENTRY_ERR_RECORD_UNREADABLE', { cause: new Error(why) })
}
