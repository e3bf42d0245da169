import type { AddressInfo } from 'node:net'
import { startChild } from '../child.ts'
import { heapSize } from '../heap.ts'
import { mostConnections } from '../open-files.ts'
import type { Row, Sample, Surroundings, Trial } from '../row.ts'
import type { Question } from '../sockets-process.ts'

export const row: Row = {
  id: 'P12',
  title: 'An idle WebSocket of somebody who is signed in',
  method: '10,000 connections of 1,000 people, opened 64 at a time by another process. Bytes: the heap after a collection, for each. The limit checks a signed cookie and looks it up.',
  services: ['issuer'],
  fresh: true,
  mostRounds: 3,
  metrics: {
    bytes: { label: 'heap', unit: 'bytes each', better: 'lower' },
    rate: { label: 'connects', unit: '/s', better: 'higher' }
  },
  variants: [
    { name: 'limit', label: '@fastify/websocket with a cookie check', role: 'limit', start: limit },
    { name: 'ours', label: '@consentry/fastify-plugin', role: 'ours', start: ours }
  ],
  goals: [
    { metric: 'bytes', atMost: 8_000 },
    { metric: 'rate', to: 'limit', atLeast: 0.85 }
  ]
}

interface Listening {
  url: string
  /** One for each person. */
  cookies: readonly string[]
  close: () => Promise<void>
}

async function trial ({ scale, size = 10_000 }: Surroundings, { url, cookies, close }: Listening): Promise<Trial> {
  const count = scale === 'few' ? 20 : Math.min(size, mostConnections())
  const clients = await startChild<Question>('load', new URL('../sockets-process.js', import.meta.url), {})
  const open = async (wanted: number): Promise<number> => {
    const headers = Array.from({ length: wanted }, (_, index) => ({ cookie: cookies[index % cookies.length] ?? '', origin: new URL(url.replace('ws', 'http')).origin }))
    return await clients.ask({ do: 'open', url, headers }) as number
  }
  return {
    kind: 'trial',
    async round (): Promise<Sample> {
      // What is made once is there, and what was made for these is gone.
      await open(Math.ceil(count / 10))
      await clients.ask({ do: 'close' })
      await new Promise((resolve) => { setTimeout(resolve, 200) })
      const base = await heapSize()
      const millis = await open(count)
      return { bytes: (await heapSize() - base) / count, rate: count * 1_000 / millis }
    },
    async close () {
      await clients.close()
      await close()
    }
  }
}

const people = ({ scale, size = 10_000 }: Surroundings): number => scale === 'few' ? 2 : size / 10

async function limit (surroundings: Surroundings): Promise<Trial> {
  const [{ default: Fastify }, { default: cookie }, { default: websocket }] = await Promise.all([import('fastify'), import('@fastify/cookie'), import('@fastify/websocket')])
  const app = Fastify()
  await app.register(cookie, { secret: 'a secret of the bench that is long enough' })
  await app.register(websocket)
  const sessions = new Map(Array.from({ length: people(surroundings) }, (_, index) => [`session-${index}`, { userId: `user-${index}` }]))
  app.get('/', {
    websocket: true,
    async preValidation (request, reply) {
      const { valid, value } = request.unsignCookie(request.cookies['session'] ?? '')
      if (!valid || !sessions.has(value)) return reply.code(401).send()
    }
  }, (socket) => { socket.on('message', () => {}) })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  return trial(surroundings, {
    url: `ws://127.0.0.1:${port}/`,
    cookies: [...sessions.keys()].map((id) => `session=${encodeURIComponent(app.signCookie(id))}`),
    close: () => app.close()
  })
}

async function ours (surroundings: Surroundings): Promise<Trial> {
  const { application, signIn } = await import('./ours.ts')
  const { app, baseUrl, ...server } = await application(surroundings)
  await server.listen({ requests: () => [], check: () => {} })
  const cookies: string[] = []
  for (let index = 0; index < people(surroundings); index++) cookies.push(await signIn({ app }, `user-${index}`))
  return trial(surroundings, { url: `${baseUrl.replace('http', 'ws')}/executions/ws`, cookies, close: () => app.close() })
}
