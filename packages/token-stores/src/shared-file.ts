import { randomId, systemRandomBytes } from '@consentry/core'
import { link, mkdir, open, readdir, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { checkPrivate, failedWith, fileMode, folderMode, unavailable } from './private-folder.ts'

/** A text that processes of one machine share. */
export interface SharedFile {
  /** The text; `undefined` before there was any. */
  read (): Promise<string | undefined>
  /**
   * Replaces the text by what `decide` makes of it, unless that is `undefined`, and resolves to the result. `decide` is
   * called again when another process was faster; it does nothing else.
   */
  change<T> (decide: (text: string | undefined) => { text?: string, result: T }): Promise<T>
}

/**
 * A text in files `name.1.json`, `name.2.json`, … of a folder, of which the highest counts. Each is written in full under
 * another name, flushed, and then linked to its number, which only one process can do. There is no lock that a process
 * could leave behind or sleep through, and a crash at any point leaves the highest file whole.
 *
 * Files below the highest are removed only after every file was removed that could be linked to their number; so whoever
 * slept before its link finds its number taken, or nothing to link.
 *
 * Needs a file system with hard links. Methods reject with `CONSENTRY_ERR_STORE_UNAVAILABLE` when the file system fails,
 * and with `CONSENTRY_ERR_OPTIONS_INVALID` when others may read the folder or the file.
 */
export function sharedFile (folder: string, name: string): SharedFile {
  const pattern = new RegExp(`^${name}\\.([1-9]\\d{0,14})\\.(json|[\\w-]+\\.tmp)$`)
  const path = (number: number): string => join(folder, `${name}.${number}.json`)
  let tail: Promise<unknown> = Promise.resolve()

  /** The numbers of the files there are, and of those that are on their way, lowest first. */
  async function list (): Promise<{ done: number[], begun: Array<{ file: string, number: number }> }> {
    const found = (await readdir(folder)).flatMap((file) => {
      const [, digits, ending] = pattern.exec(file) ?? []
      return digits === undefined ? [] : [{ file: join(folder, file), number: Number(digits), done: ending === 'json' }]
    })
    return {
      done: found.filter(({ done }) => done).map(({ number }) => number).toSorted((a, b) => a - b),
      begun: found.filter(({ done }) => !done)
    }
  }

  const highest = async (): Promise<number> => (await list()).done.at(-1) ?? 0

  async function current (): Promise<{ number: number, text?: string }> {
    for (;;) {
      const number = await highest()
      try {
        const found = number === 0 ? { number } : { number, text: await read(path(number)) }
        // A folder that changes while it is listed may not show what came and went.
        if (await highest() === number) return found
      } catch (error) {
        // A higher one came and this one went; or it is a link that leads nowhere, which is not the same as no text.
        if (!failedWith(error, 'ENOENT') || await highest() === number) throw unavailable(error)
      }
    }
  }

  /** Makes the text the one after `number`; `false` when another process did. */
  async function commit (number: number, text: string): Promise<boolean> {
    const begun = join(folder, `${name}.${number + 1}.${randomId(8, systemRandomBytes)}.tmp`)
    try {
      await write(begun, text)
      // From here on whoever wants this number gone has to remove the file first.
      if (await highest() !== number) return false
      await link(begun, path(number + 1))
      await flush(folder)
    } catch (error) {
      if (failedWith(error, 'EEXIST', 'ENOENT')) return false
      throw error
    } finally {
      await remove(begun)
    }
    await clean(number + 1)
    return true
  }

  async function clean (newest: number): Promise<void> {
    const { begun } = await list()
    for (const { file, number } of begun) if (number <= newest) await remove(file)
    const { done } = await list()
    for (const number of done) if (number < newest) await remove(path(number))
  }

  async function change<T> (decide: (text: string | undefined) => { text?: string, result: T }): Promise<T> {
    await prepare(folder)
    for (;;) {
      const { number, text: before } = await current()
      const { text, result } = decide(before)
      if (text === undefined || await commit(number, text)) return result
    }
  }

  return {
    async read () {
      try {
        return (await current()).text
      } catch (error) {
        if (failedWith(error, 'ENOENT')) return undefined
        throw unavailable(error)
      }
    },

    change (decide) {
      // Changes of one process would only get into each other's way.
      const turn = tail.then(() => change(decide))
      tail = turn.catch(() => {})
      return turn.catch((error: unknown) => { throw unavailable(error) })
    }
  }
}

async function prepare (folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: folderMode })
  checkPrivate(folder, await stat(folder))
}

async function read (path: string): Promise<string> {
  const file = await open(path)
  try {
    checkPrivate(path, await file.stat())
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

async function write (path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', fileMode)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Makes the names in a folder durable. Windows does not open folders, and needs no flush for that. */
async function flush (folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function remove (path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => { if (!failedWith(error, 'ENOENT')) throw error })
}
