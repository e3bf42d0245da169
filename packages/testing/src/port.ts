import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below those that systems give to connections that go out, which would take it in the meantime. */
const [lowest, highest] = [20_000, 32_000]

/** Those of this process, which gives none twice. */
const given = new Set<number>()

/** A port of this machine that was free a moment ago, for a server whose URL must be known before it listens. */
export async function freePort (): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(lowest, highest)
    if (given.has(port)) continue
    const server = createServer().listen(port, '127.0.0.1')
    // `once` rejects when the port is taken.
    const isFree = await once(server, 'listening').then(() => true, () => false)
    if (!isFree) continue
    server.close()
    await once(server, 'close')
    given.add(port)
    return port
  }
  throw new Error('no port is free')
}
