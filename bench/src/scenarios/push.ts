import websocket from '@fastify/websocket'
import Fastify, { type FastifyInstance } from 'fastify'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'

/** A server of WebSockets that pushes one message to each. */
export interface Pusher {
  url: string
  push: () => void
  close: () => Promise<void> | void
}

/** As large as one of our events. */
function message (index: number): string {
  return JSON.stringify({ type: 'event', event: { type: 'progress', executionId: 'AAAAAAAAAAAAAAAAAAAAAA', seq: index, time: new Date().toISOString(), data: { step: index } } })
}

/** The least that a WebSocket is: the handshake of RFC 6455 section 4.2, and frames of text. */
export async function rawSockets (): Promise<Pusher> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    socket.setNoDelay(true).on('error', () => { socket.destroy() })
    socket.once('data', (request) => {
      const [, key = ''] = /sec-websocket-key: (.*)\r\n/i.exec(request.toString('latin1')) ?? []
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`)
      sockets.add(socket)
      socket.resume()
    })
  }).listen({ port: 0, host: '127.0.0.1', backlog: 1_024 })
  await once(server, 'listening')
  let sent = 0
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    push () {
      for (const socket of sockets) {
        const text = Buffer.from(message(sent++))
        const head = Buffer.from(text.length < 126 ? [0x81, text.length] : [0x81, 126, text.length >> 8, text.length & 0xff])
        socket.write(Buffer.concat([head, text]))
      }
    },
    close () {
      for (const socket of sockets) socket.destroy()
      server.close()
    }
  }
}

export async function ws (): Promise<Pusher> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
  await once(server, 'listening')
  let sent = 0
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    push () { for (const socket of server.clients) socket.send(message(sent++)) },
    close () {
      for (const socket of server.clients) socket.terminate()
      server.close()
    }
  }
}

export async function fastifyWebsocket (): Promise<Pusher> {
  const app: FastifyInstance = Fastify()
  await app.register(websocket)
  app.get('/', { websocket: true }, () => {})
  await app.listen({ port: 0, host: '127.0.0.1' })
  let sent = 0
  return {
    url: `ws://127.0.0.1:${(app.server.address() as AddressInfo).port}/`,
    push () { for (const socket of app.websocketServer.clients) socket.send(message(sent++)) },
    async close () {
      for (const socket of app.websocketServer.clients) socket.terminate()
      await app.close()
    }
  }
}
