import { randomId, systemRandomBytes } from '@consentry/core'
import { linkSync, mkdirSync, readdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { invalid } from './options.ts'
import { checkPrivate, failedWith, fileMode, folderMode, unavailable } from './private-folder.ts'
import type { EncryptionKey } from './key-ring.ts'

/**
 * The key in the file `key` of a folder, which is made when it is not there and neither are grants. Of several processes
 * that make one, one does, and the others read it.
 *
 * Throws `CONSENTRY_ERR_OPTIONS_INVALID` when others may read it, or when it is gone, and `CONSENTRY_ERR_STORE_UNAVAILABLE`.
 */
export function keyFile (folder: string): EncryptionKey {
  const path = join(folder, 'key')
  try {
    mkdirSync(folder, { recursive: true, mode: folderMode })
    checkPrivate(folder, statSync(folder))
    try {
      return read(path)
    } catch (error) {
      if (!failedWith(error, 'ENOENT')) throw error
    }
    if (readdirSync(folder).some((file) => file.startsWith('grants.'))) throw invalid(`${path} is gone, and the grants beside it cannot be read without it`)
    make(path)
    return read(path)
  } catch (error) {
    throw unavailable(error)
  }
}

function read (path: string): EncryptionKey {
  checkPrivate(path, statSync(path))
  return { id: 'file', key: readFileSync(path, 'utf8').trim() }
}

function make (path: string): void {
  const begun = `${path}.${randomId(8, systemRandomBytes)}.tmp`
  try {
    writeFileSync(begun, `${randomId(32, systemRandomBytes)}\n`, { mode: fileMode, flag: 'wx', flush: true })
    linkSync(begun, path)
  } catch (error) {
    if (!failedWith(error, 'EEXIST')) throw error
  } finally {
    unlinkSync(begun)
  }
}
