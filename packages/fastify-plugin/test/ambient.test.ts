import type { FastifyInstance } from 'fastify'
import { once } from 'node:events'
import t from 'tap'
import { WebSocket } from 'ws'
import { audience, issuer, tokenIssuer } from './jwt.ts'
import { call, codeOf, startServer, type TestServer } from './server.ts'

const foreign = 'https://evil.example'
const basic = `Basic ${Buffer.from('carol:right').toString('base64')}`

const sockets = (app: FastifyInstance): void => {
  const greet = (socket: WebSocket): void => { socket.send('hello') }
  app.get('/guarded', { websocket: true, config: { auth: true } }, greet)
  app.get('/unsaid', { websocket: true }, greet)
  app.get('/public', { websocket: true, config: { auth: false } }, greet)
}

/** The status of the upgrade; 101 when it opens. */
async function upgrade ({ url }: TestServer, path: string, headers: Record<string, string>): Promise<number> {
  const socket = new WebSocket(url.replace('http', 'ws') + path, { headers })
  try {
    await once(socket, 'open')
    return 101
  } catch (error) {
    return Number(/\d{3}/.exec((error as Error).message)?.[0])
  } finally {
    socket.terminate()
  }
}

t.test('T13 B20: a page of another origin opens no WebSocket, whoever is calling, unless the route is public', async (t) => {
  const { jwks, sign } = await tokenIssuer()
  const server = await startServer(t, {
    options: { allowedOrigins: ['https://dev.example.com'], identity: { jwt: { issuers: [{ issuer, audience, jwks }] }, basic: { realm: 'files', check: (_name, password) => password === 'right' } } },
    routes: sockets
  })
  const alice = await server.browser('alice')
  const bearer = { authorization: `Bearer ${await sign()}` }
  for (const [path, credential, expected] of [
    ['/guarded', bearer, 403], ['/guarded', { authorization: basic }, 403], ['/guarded', { cookie: alice.cookieHeader(server.url) }, 403], ['/guarded', {}, 403],
    ['/unsaid', {}, 403], ['/unsaid', bearer, 403],
    ['/public', {}, 101], ['/public', bearer, 101], ['/public', { authorization: basic }, 403], ['/public', { cookie: alice.cookieHeader(server.url) }, 403]
  ] as Array<[string, Record<string, string>, number]>) {
    for (const origin of [foreign, 'null', server.url.replace('127.0.0.1', 'localhost')]) t.equal(await upgrade(server, path, { ...credential, origin }), expected, `${path} ${Object.keys(credential).join()} from ${origin}`)
  }
  for (const origin of [server.url, 'https://dev.example.com']) t.equal(await upgrade(server, '/guarded', { ...bearer, origin }), 101, origin)
  t.equal(await upgrade(server, '/guarded', bearer), 101, 'a program says no origin')
  t.equal(await upgrade(server, '/unsaid', { origin: server.url }), 101)
})

t.test('T3: what a proxy adds to whatever a browser sends counts for pages of our own alone', async (t) => {
  const { sign } = await tokenIssuer()
  let acted = 0
  const server = await startServer(t, { options: { identity: { trust: 'upstream' } }, routes: (app) => {
    sockets(app)
    for (const auth of [true, false]) app.post(`/act/${auth}`, { config: { auth } }, async () => ++acted)
  } })
  const headers = { authorization: `Bearer ${await sign()}` }
  for (const path of ['/act/true', '/act/false', '/report', '/auth/logout', '/auth/refresh']) {
    for (const from of [{ origin: foreign }, { origin: 'null', 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'cross-site' }] as Array<Record<string, string>>) {
      const answer = await fetch(server.url + path, { method: 'POST', headers: { ...headers, ...from } })
      t.equal(answer.status, 403, `${path} ${JSON.stringify(from)}`)
      t.equal(codeOf({ text: await answer.text() }), 'CONSENTRY_ERR_CROSS_ORIGIN')
    }
  }
  t.equal(acted, 0)
  for (const from of [{}, { origin: server.url }, { 'sec-fetch-site': 'same-origin' }] as Array<Record<string, string>>) t.equal((await fetch(`${server.url}/act/true`, { method: 'POST', headers: { ...headers, ...from } })).status, 200)
  t.equal(await upgrade(server, '/public', { ...headers, origin: foreign }), 403)
})

t.test('T3: a password that a browser remembers is sent along too; a bearer token is not', async (t) => {
  const { jwks, sign } = await tokenIssuer()
  const server = await startServer(t, {
    options: { identity: { jwt: { issuers: [{ issuer, audience, jwks }] }, basic: { realm: 'files', check: (_name, password) => password === 'right' } } },
    routes: (app) => { app.post('/act', { config: { auth: true } }, async () => 'done') }
  })
  const act = async (authorization: string): Promise<number> => (await fetch(`${server.url}/act`, { method: 'POST', headers: { authorization, origin: foreign } })).status
  t.equal(await act(basic), 403)
  t.equal(await act(`Bearer ${await sign()}`), 200)
})

t.test('a guard may want a credential that was verified here', async (t) => {
  const { jwks, sign } = await tokenIssuer()
  const authorization = `Bearer ${await sign()}`
  for (const [identity, expected] of [[{ trust: 'upstream' }, 403], [{ jwt: { issuers: [{ issuer, audience, jwks }] } }, 200]] as const) {
    const server = await startServer(t, { options: { identity }, routes: (app) => { app.get('/verified', { config: { auth: { verified: true } } }, async () => 'verified') } })
    t.equal((await call(await server.browser(), server, '/verified', { headers: { authorization } })).status, expected)
  }
})
