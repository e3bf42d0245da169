import { ConsentryError } from '@consentry/core'
import type { Stats } from 'node:fs'
import { invalid } from './options.ts'

/** Of files and folders that are made here: for their owner alone. */
export const fileMode = 0o600
export const folderMode = 0o700

/**
 * Throws `CONSENTRY_ERR_OPTIONS_INVALID` when others may read or write it, of whom its owner is one. Windows has no modes;
 * there the user's folders are private.
 */
export function checkPrivate (path: string, { mode, uid }: Pick<Stats, 'mode' | 'uid'>): void {
  // The superuser may read what others have put there.
  if (process.geteuid !== undefined && uid !== process.geteuid()) throw invalid(`${path} belongs to another user (uid ${uid}): give it to the one that this program runs as, or name another folder`)
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw invalid(`${path} is open to others (mode ${(mode & 0o777).toString(8)}): take their rights away with chmod go= and treat what is in it as known`)
  }
}

/** Whether the file system answered with one of these codes. */
export function failedWith (error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}

/** The error for a file system that does not do what it should. */
export function unavailable (error: unknown): unknown {
  return ConsentryError.is(error) ? error : new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE', { cause: error })
}
