import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { Test } from 'tap'

/** What becomes of one connection on its way back from the server. */
export interface Fate {
  /** Cut after so many bytes. */
  bytes?: number
  /** Cut as soon as one more event than these begins. */
  events?: number
  /** Whether streams of events are held back until their end, as some proxies do. */
  hold?: boolean
  /** Whether an upgrade to a WebSocket is answered with 501. */
  noUpgrade?: boolean
}

export interface CuttingProxy {
  url: string
  /** How many connections were cut. */
  readonly cuts: number
}

/** A TCP proxy in front of `port` that cuts connections: `fateOf` is asked for each, which it numbers from 0. */
export async function cuttingProxy (t: Test, port: number, fateOf: (connection: number) => Fate): Promise<CuttingProxy> {
  const open = new Set<Socket>()
  let connections = 0
  let cuts = 0
  const server = createServer((client) => {
    const fate = fateOf(connections++)
    const upstream = connect(port, '127.0.0.1')
    const pair = [client, upstream]
    const end = (): void => { for (const socket of pair) socket.destroy() }
    for (const socket of pair) {
      open.add(socket)
      socket.setNoDelay(true).on('error', () => {}).on('close', () => {
        open.delete(socket)
        end()
      })
    }
    client.on('data', (data) => {
      if (fate.noUpgrade === true && /^upgrade: websocket/im.test(data.toString('latin1'))) client.end('HTTP/1.1 501 Not Implemented\r\ncontent-length: 0\r\nconnection: close\r\n\r\n')
      else upstream.write(data)
    })
    let seen = Buffer.alloc(0)
    let passed = 0
    let held = Buffer.alloc(0)
    upstream.on('data', (data: Buffer) => {
      seen = Buffer.concat([seen, data])
      const cut = cutAfter(seen, fate)
      let part = cut === undefined ? data : seen.subarray(passed, cut)
      passed += part.length
      if (fate.hold === true) {
        held = Buffer.concat([held, part])
        if (isHeld(held) && cut === undefined) return
        part = held
        held = Buffer.alloc(0)
      }
      client.write(part)
      if (cut === undefined) return
      cuts++
      upstream.destroy()
      client.end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of open) socket.destroy()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, get cuts () { return cuts } }
}

/** Where to cut what came, if it is long enough for that. */
function cutAfter (seen: Buffer, { bytes, events }: Fate): number | undefined {
  if (bytes !== undefined) return seen.length >= bytes ? bytes : undefined
  if (events === undefined) return undefined
  // Where the next one begins, in a frame of the WebSocket or a block of the stream.
  return Array.from(seen.toString('latin1').matchAll(/\{"type":"event"|\nevent: /g), ({ index }) => index)[events]
}

/** Whether a stream of events has begun that has not ended. */
function isHeld (data: Buffer): boolean {
  const text = data.toString('latin1')
  return text.lastIndexOf('content-type: text/event-stream') > text.lastIndexOf('\r\n0\r\n\r\n')
}
