import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import consentry, { type ConsentryOptions } from '../src/index.ts'
import { secret } from './server.ts'

async function start (t: Test, identity: ConsentryOptions['identity'] = {}, options: Partial<ConsentryOptions> = {}): Promise<FastifyInstance> {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(consentry, { baseUrl: 'https://app.example.com', secret, providers: {}, identity, ...options })
  app.get('/me', { config: { auth: true } }, async (request) => request.userInfo)
  return app
}

const basic = (realm: string): ConsentryOptions['identity'] => ({ basic: { realm, check: (_username, password) => password === 'right' } })
const authorization = `Basic ${Buffer.from('alice:wrong').toString('base64')}`

t.test('a program is told that user names and passwords are taken, beside bearer tokens (RFC 7617, RFC 6750)', async (t) => {
  const app = await start(t, basic('files'))
  const challenges = async (url: string, headers: Record<string, string> = {}) => {
    const answer = await app.inject({ url, headers })
    t.equal(answer.statusCode, 401)
    return answer.headers['www-authenticate']
  }
  const taken = 'Basic realm="files", charset="UTF-8"'
  for (const url of ['/me', '/auth/userinfo', '/executions/x']) t.same(await challenges(url), ['Bearer', taken], url)
  t.same(await challenges('/me', { authorization: 'Bearer unknown' }), ['Bearer error="invalid_token"', taken])
  t.same(await challenges('/me', { authorization }), ['Bearer', taken], 'a wrong password is no bad token')
  t.same(await challenges('/me', { 'x-api-key': 'unknown' }), ['Bearer', taken], 'nor is a wrong key')
  t.same(await challenges('/me', { cookie: '__Host-consentry-session=over' }), ['Bearer', taken], 'nor a session that is over')
  t.same(await challenges('/me', { 'sec-fetch-mode': 'cors' }), ['Bearer', taken], 'fetch of Node.js')
  t.equal((await (await start(t)).inject('/me')).headers['www-authenticate'], 'Bearer', 'not where they are not taken')
})

t.test('a browser does not ask for a password in a dialogue of its own', async (t) => {
  const app = await start(t, basic('files'), { login: ['basic'] })
  const script = { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors', accept: '*/*' }
  for (const headers of [script, { ...script, 'sec-fetch-site': 'cross-site' }, { ...script, authorization }, { 'x-requested-with': 'XMLHttpRequest' }, { origin: 'https://app.example.com' }] as Array<Record<string, string>>) {
    const answer = await app.inject({ url: '/me', headers })
    t.equal(answer.statusCode, 401)
    t.notMatch(String(answer.headers['www-authenticate']), /basic/i, JSON.stringify(headers))
  }
  const page = await app.inject({ url: '/me', headers: { accept: 'text/html' } })
  t.equal(page.statusCode, 303)
  t.equal(page.headers.location, '/auth/login?return_to=%2Fme')
  const nowhere = await (await start(t, basic('files'))).inject({ url: '/me', headers: { accept: 'text/html' } })
  t.equal(nowhere.statusCode, 401)
  t.equal(nowhere.headers['www-authenticate'], 'Bearer')
})

t.test('T9: any realm makes a header', async (t) => {
  for (const [realm, text] of [['a "b" \\c', 'a \\"b\\" \\\\c'], ['Žluť', '%C5%BDlu%C5%A5'], ['🔑', '%F0%9F%94%91']] as const) {
    const answer = await (await start(t, basic(realm))).inject('/me')
    t.equal(answer.statusCode, 401)
    t.equal((answer.headers['www-authenticate'] as unknown as string[])[1], `Basic realm="${text}", charset="UTF-8"`)
  }
})
