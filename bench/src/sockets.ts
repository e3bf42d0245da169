import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'

/** Many WebSocket clients that count what they are sent. They do less than a library, so that the server is measured. */
export interface Sockets {
  /** Opens one for each set of headers, some at a time. Resolves to how long that took, in milliseconds. */
  open (url: string, headers: ReadonlyArray<Readonly<Record<string, string>>>): Promise<number>
  /** Resolves when `count` messages have come since the last time. */
  received (count: number): Promise<void>
  close (): void
}

const atOnce = 64
export function createSockets (): Sockets {
  const sockets: Socket[] = []
  let messages = 0
  let waiting: { count: number, resolve: () => void, reject: (error: Error) => void } | undefined
  let closing = false

  function tell (): void {
    if (waiting === undefined || messages < waiting.count) return
    messages -= waiting.count
    waiting.resolve()
    waiting = undefined
  }

  function hear (this: Socket, chunk: Buffer): void {
    const { texts, pings } = framesIn(chunk)
    for (let ping = 0; ping < pings; ping++) this.write(pong)
    messages += texts
    if (texts > 0) tell()
  }

  /** A server that closes sends nothing more. */
  function lose (): void {
    if (!closing) waiting?.reject(new Error('the server closed a connection'))
  }

  function openOne ({ hostname, port, pathname }: URL, headers: Readonly<Record<string, string>>): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: hostname, port: Number(port) })
      sockets.push(socket)
      socket.setNoDelay(true).on('error', reject).on('close', lose).once('close', () => { reject(new Error('the server closed')) })
      const lines = Object.entries({
        host: `${hostname}:${port}`,
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': randomBytes(16).toString('base64'),
        ...headers
      }).map(([name, value]) => `${name}: ${value}\r\n`)
      socket.write(`GET ${pathname} HTTP/1.1\r\n${lines.join('')}\r\n`)
      let head = ''
      socket.on('data', function first (chunk) {
        head += chunk.toString('latin1')
        const end = head.indexOf('\r\n\r\n')
        if (end === -1) return
        if (!head.startsWith('HTTP/1.1 101 ')) return reject(new Error(head.slice(0, 200)))
        socket.off('data', first)
        socket.on('data', hear)
        if (head.length > end + 4) hear.call(socket, Buffer.from(head.slice(end + 4), 'latin1'))
        resolve()
      })
    })
  }

  return {
    async open (url, headers) {
      closing = false
      const target = new URL(url)
      const began = performance.now()
      const left = headers.values()
      await Promise.all(Array.from({ length: atOnce }, async () => { for (const each of left) await openOne(target, each) }))
      return performance.now() - began
    },
    received (count) {
      return new Promise((resolve, reject) => {
        waiting = { count, resolve, reject }
        tell()
      })
    },
    close () {
      closing = true
      for (const socket of sockets) socket.destroy()
      sockets.length = 0
      messages = 0
    }
  }
}

/** Of a client, masked with nothing, for a ping that says nothing (RFC 6455 section 5.5.3). */
const pong = Buffer.from([0x8a, 0x80, 0, 0, 0, 0])

/** Frames (RFC 6455 section 5.2) in a chunk, none of which is split: each is smaller than what a socket takes at once. */
function framesIn (chunk: Buffer): { texts: number, pings: number } {
  const found = { texts: 0, pings: 0 }
  for (let offset = 0; offset < chunk.length;) {
    const [first = 0, second = 0] = chunk.subarray(offset, offset + 2)
    const short = second & 0x7f
    if ((first & 0x0f) === 1) found.texts++
    if ((first & 0x0f) === 9) found.pings++
    offset += 2 + (short === 126 ? 2 + chunk.readUInt16BE(offset + 2) : short)
  }
  return found
}
