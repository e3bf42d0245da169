import Fastify, { type FastifyInstance, type LightMyRequestResponse } from 'fastify'
import type { AddressInfo } from 'node:net'
import type { Answer, Request, Row, Server, Surroundings, Variant } from '../row.ts'

/** What of a server is not the same for all. */
export type Service = Pick<Server, 'requests' | 'once' | 'check'>

/** What is measured of a server. */
export const overHttp: Row['metrics'] = {
  rate: { label: 'requests', unit: '/s', better: 'higher' },
  micros: { label: 'processor', unit: 'µs each', better: 'lower' }
}

/** Listens on a free port, or on the one that is given. */
export async function listen (app: FastifyInstance, service: Service, port = 0): Promise<Server> {
  await app.listen({ port, host: '127.0.0.1' })
  return { kind: 'server', port: (app.server.address() as AddressInfo).port, ...service, close: () => app.close() }
}

/** A Fastify that does nothing but answer: as fast as it gets here. */
export const bare: Variant = {
  name: 'limit',
  label: 'bare Fastify',
  role: 'limit',
  async start () {
    const app = Fastify()
    app.get('/', async () => ({ userId: 'user-0' }))
    return listen(app, { requests: () => [{ path: '/', headers: {} }], check: knowsUser })
  }
}

/** Another way to do the same over HTTP. */
export function peer (name: string, label: string, start: (surroundings: Surroundings) => Promise<Server>): Variant {
  return { name, label, role: 'peer', start }
}

/** Throws unless the answer says who is calling. */
export function knowsUser ({ status, body }: Answer): void {
  const { userId } = JSON.parse(body) as { userId?: unknown }
  if (status !== 200 || typeof userId !== 'string') throw new Error(`${status}: ${body}`)
}

/** Throws unless the answer leads there, and sets a cookie. */
export function leadsTo (start: string): Server['check'] {
  return ({ status, headers, body }) => {
    if (status < 302 || status > 303 || headers.get('location')?.startsWith(start) !== true || headers.get('set-cookie') === null) throw new Error(`${status}: ${headers.get('location') ?? body}`)
  }
}

/** One request, again and again. */
export function always (headers: Request['headers'], path = '/'): Server['requests'] {
  return () => [{ path, headers }]
}

/** The cookies that an answer sets, as a browser would send them back. */
export function cookiesOf ({ cookies }: LightMyRequestResponse): string {
  return cookies.map(({ name, value }) => `${name}=${encodeURIComponent(value)}`).join('; ')
}
