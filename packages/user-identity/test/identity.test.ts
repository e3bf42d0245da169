import { ConsentryError } from '@consentry/core'
import { once } from 'node:events'
import { request as send, type IncomingMessage } from 'node:http'
import t from 'tap'
import { createIdentity, hashApiKey, readAuthMessage, readCredentials, userId, userInfoFromClaims, type IdentityOptions } from '../src/index.ts'
import { audience, testIssuer } from './issuer.ts'
import { testServer } from './server.ts'

const cookie = '__Host-session'
const secret = 'a secret of the tests that is long enough'
const invalid = { code: 'CONSENTRY_ERR_CREDENTIAL_INVALID' }
const conflict = { code: 'CONSENTRY_ERR_CREDENTIAL_CONFLICT' }
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`

async function setup (more: IdentityOptions<{ id: string }> = {}) {
  const issuer = await testIssuer()
  const person = userInfoFromClaims({ iss: issuer.issuer, sub: 'carol' }, { source: 'session', verified: true })
  const jwt = { issuers: [{ issuer: issuer.issuer, audience, jwks: { keys: [issuer.jwk] } }] }
  const identity = createIdentity<{ id: string }>({
    session: { cookie, find: async (value) => value === 'good' ? { id: 's' } : undefined, userInfo: () => person },
    jwt,
    apiKey: { secret, find: (hash) => hash === hashApiKey('key-1', secret) ? { id: 'ci' } : undefined },
    basic: { realm: 'corp', check: (username, password) => username === 'carol' && password === 'right' },
    ...more
  })
  return { ...issuer, jwt, person, identity, token: await issuer.sign() }
}

t.test('seed B: the session cookie, then Authorization, then X-API-Key', async (t) => {
  const { identity, token, person, sign } = await setup()
  const sourceOf = async (headers: Record<string, string>) => (await identity.identify(headers))?.userInfo.source
  t.match(await identity.identify({ cookie: `a=b; ${cookie}=good` }), { userInfo: person, session: { id: 's' } })
  t.equal(await sourceOf({ authorization: `Bearer ${token}` }), 'jwt')
  t.equal(await sourceOf({ authorization: 'Bearer key-1' }), 'api_key')
  t.equal(await sourceOf({ authorization: basic('carol:right') }), 'basic')
  t.equal(await sourceOf({ 'x-api-key': 'key-1' }), 'api_key')
  t.match(await identity.identify({ authorization: `Bearer ${token}`, cookie: `${cookie}=good` }), { session: { id: 's' } }, 'two that agree: the first')
  t.equal(await sourceOf({ authorization: 'Bearer key-1', 'x-api-key': 'key-1' }), 'api_key')
  for (const headers of [
    { authorization: `Bearer ${await sign({ sub: 'dave' })}`, cookie: `${cookie}=good` },
    { authorization: `Bearer ${token}`, 'x-api-key': 'key-1' },
    { authorization: basic('carol:right'), cookie: `${cookie}=good` },
    { cookie: `${cookie}=good`, authorization: `Bearer ${token}`, 'x-api-key': 'key-1' }
  ]) await t.rejects(identity.identify(headers as Record<string, string>), conflict, 'two that disagree, none of which wins silently')
})

t.test('seed B: null without a credential, an error for one that is bad', async (t) => {
  const { identity, token } = await setup()
  for (const headers of [{}, { cookie: '' }, { cookie: 'other=1; __Host-sessionx=good' }, { cookie: cookie }, { host: 'x', authorization: undefined }, new Headers()]) t.equal(await identity.identify(headers), null)
  const bad = (headers: Record<string, string | string[]>) => t.rejects(identity.identify(headers), invalid, JSON.stringify(headers).slice(0, 90))
  for (const other of [{}, { cookie: `${cookie}=good` }, { 'x-api-key': 'key-1' }]) {
    await bad({ ...other, authorization: `Bearer ${token}x` })
    await bad({ ...other, authorization: 'Bearer unknown' })
    await bad({ ...other, authorization: basic('carol:wrong') })
    await bad({ ...other, authorization: 'Digest username="carol"' })
  }
  for (const other of [{}, { authorization: `Bearer ${token}` }]) {
    await bad({ ...other, cookie: `${cookie}=` })
    await bad({ ...other, 'x-api-key': 'key-2' })
    await bad({ ...other, 'x-api-key': '' })
    // T1
    await bad({ ...other, cookie: `${cookie}=good; ${cookie}=good` })
    await bad({ ...other, cookie: [`${cookie}=good`, `${cookie}=good`] })
  }
  await bad({ cookie: `${cookie}=over` })
  await bad({ cookie: `${cookie}=over`, authorization: `Bearer ${token}x` })
  t.match(await identity.identify({ cookie: `${cookie}=over`, authorization: `Bearer ${token}` }), { userInfo: { source: 'jwt' } }, 'a session that is over does not stand in the way of who somebody means to be')
  for (const authorization of ['', 'Bearer', 'Bearer ', `Bearer  ${token}`, `Basic ${token}`, token, `Bearer ${'a'.repeat(20_000)}.b.c`, `Bearer ${token} `, 'Bearer a.b.c\u0000', `Bearer ${token}, Bearer ${token}`]) await bad({ authorization })
  await bad({ authorization: [`Bearer ${token}`, `Bearer ${token}`] })
  await bad({ authorization: `Bearer ${token}`, Authorization: `Bearer ${token}` })
})

t.test('a kind of credential that is not configured is refused, and not read', async (t) => {
  const { token } = await setup()
  for (const headers of [{ authorization: `Bearer ${token}` }, { authorization: 'Bearer key-1' }, { authorization: basic('carol:right') }, { 'x-api-key': 'key-1' }]) {
    await t.rejects(createIdentity().identify(headers as Record<string, string>), invalid)
  }
  t.equal(await createIdentity().identify({ cookie: `${cookie}=good` }), null, 'another\'s cookie is none')
})

t.test('a request of Node, of the Fetch standard, or headers', async (t) => {
  const { identity, token } = await setup()
  const authorization = `Bearer ${token}`
  const web = new Request('https://x.example', { headers: { authorization } })
  for (const source of [web, web.headers, { headers: { authorization } }, { headers: web.headers }, { Authorization: authorization }, { authorization: [authorization] }, { authorization, headers: 'a header of this name' }]) {
    t.match(await identity.identify(source), { userInfo: { subject: 'carol' } })
  }
  for (const source of [null, undefined, 1, 'authorization']) await t.rejects(identity.identify(source as never), invalid)

  const results: unknown[] = []
  const server = await testServer(t, async (request: IncomingMessage, response) => {
    results.push(await identity.identify(request).then((caller) => caller?.userInfo.subject, (error: unknown) => ConsentryError.is(error) && error.code))
    response.end()
  })
  for (const headers of [['Authorization', authorization], ['Authorization', authorization, 'Authorization', 'Bearer other'], ['X-API-Key', 'key-1', 'X-API-Key', 'key-1'], ['Cookie', `${cookie}=good`, 'Cookie', `${cookie}=good`], ['Cookie', 'a=b', 'Cookie', `${cookie}=good`]]) {
    const request = send(server.url, { headers: ['Host', 'x', ...headers] as never })
    const [response] = await once(request.end(), 'response') as [IncomingMessage]
    response.resume()
  }
  t.same(results, ['carol', invalid.code, invalid.code, invalid.code, 'carol'], 'one that is there twice is refused, though Node shows the first alone')
})

t.test('T18: recall names who is remembered, without waiting, and nobody whom identify would not', async (t) => {
  const { identity, token, sign } = await setup()
  const credentials = [{ authorization: `Bearer ${token}` }, { authorization: 'Bearer key-1' }, { authorization: basic('carol:right') }, { 'x-api-key': 'key-1' }]
  for (const headers of credentials as Array<Record<string, string>>) {
    t.equal(identity.recall(headers), undefined, 'not yet')
    const caller = await identity.identify(headers)
    t.equal(identity.recall(headers), caller?.userInfo)
    t.equal(identity.recall({ ...headers, cookie: 'other=1' }), caller?.userInfo)
    for (const more of [{ cookie: `${cookie}=good` }, { cookie: `${cookie}=over` }, { cookie: `${cookie}=good; ${cookie}=good` }]) t.equal(identity.recall({ ...headers, ...more }), undefined, 'a session must be asked for')
    const other = 'x-api-key' in headers ? { authorization: `Bearer ${token}` } : { 'x-api-key': 'key-1' }
    t.equal(identity.recall({ ...headers, ...other }), undefined, 'two may disagree')
    identity.forget(caller?.userInfo.userId)
    t.equal(identity.recall(headers), undefined, 'forgotten')
  }
  for (const headers of [{}, { cookie: `${cookie}=good` }, { authorization: '' }, { authorization: 'Bearer unknown' }, { authorization: `Bearer ${await sign({ sub: 'dave' })}` }]) {
    t.equal(identity.recall(headers as Record<string, string>), undefined)
  }
})

t.test('seed B: the WebSocket message auth, with jwt, api_key or basic', async (t) => {
  const { identity, token, sign } = await setup()
  const authenticate = async (message: unknown) => identity.authenticate(readAuthMessage(message))
  t.match(await authenticate({ type: 'auth', method: 'jwt', token }), { source: 'jwt', verified: true, subject: 'carol' })
  t.match(await authenticate({ type: 'auth', method: 'api_key', token: 'key-1' }), { source: 'api_key' })
  t.match(await authenticate({ type: 'auth', method: 'basic', username: 'carol', password: 'right' }), { source: 'basic' })
  const forged = await sign({ sub: 'admin' }).then((text) => `${text.slice(0, -4)}AAAA`)
  for (const message of [
    null, 'auth', [], {}, { type: 'auth' }, { type: 'auth', method: 'jwt' }, { type: 'auth', method: 'jwt', token: forged }, { type: 'auth', method: 'jwt', token: 'key-1' },
    { type: 'auth', method: 'api_key', token: 'key-2' }, { type: 'auth', method: 'api_key', token: ['key-1'] }, { type: 'auth', method: 'basic', username: 'carol' },
    { type: 'auth', method: 'basic', username: 'carol', password: 'wrong' }, { type: 'auth', method: 'session', token: 'good' }, { type: 'other', method: 'api_key', token: 'key-1' },
    Object.create({ type: 'auth', method: 'api_key', token: 'key-1' })
  ]) await t.rejects(authenticate(message), invalid, JSON.stringify(message))
  for (const made of [undefined, {}, { kind: 'admin' }, { kind: 'jwt' }, { kind: 'bearer', token: 'a b' }, { kind: 'session', secret: '' }, { kind: 'basic', username: 'a:b', password: 'c' }]) {
    await t.rejects(identity.authenticate(made as never), invalid)
  }
  t.match(await identity.authenticate({ kind: 'session', secret: 'good' }), { subject: 'carol' })
  t.match(await identity.authenticate({ kind: 'bearer', token: 'key-1' }), { subject: 'ci' })
})

t.test('seed B: ids of another system can be kept', async (t) => {
  // Python 3: uuid.uuid5(uuid.NAMESPACE_DNS, 'alice'), and so on. The namespaces are those of RFC 9562 section 6.6.
  const dns = '6ba7b810-9dad-11d1-80b4-00c04fd430c8'
  const url = '6ba7b811-9dad-11d1-80b4-00c04fd430c8'
  const { sign, jwt } = await setup()
  const idOf = async (options: IdentityOptions, claims: Record<string, unknown>) => (await createIdentity({ jwt, ...options }).identify({ authorization: `Bearer ${await sign(claims)}` }))?.userInfo.userId
  const bySubject = { namespace: dns, identityKey: ({ subject }: { subject: string }) => subject }
  t.equal(await idOf(bySubject, { sub: 'alice' }), 'c2ef90b9-02bc-5d53-93cd-92652b6e1b41')
  t.equal(await idOf({ namespace: url, identityKey: ({ subject }) => `https://idp.example.com/users/${subject}` }, { sub: 'alice' }), '852bc191-1905-5071-aa15-a96ac2aa5ff5')
  t.equal(await idOf({ namespace: dns, identityKey: ({ claims }) => String(claims?.['email']) }, { email: 'alice@example.com' }), 'edabafbb-61ad-51d6-9fd8-e976c892a731')
  t.equal(await idOf({ namespace: url, identityKey: ({ subject }) => `https://idp.example.com/${subject}` }, { sub: 'žluťoučký' }), 'f105fc6a-4050-523d-9732-b3ce248123f9')
  const byBasic = await createIdentity({ ...bySubject, basic: { realm: 'r', check: () => true } }).identify({ authorization: basic('alice:x') })
  t.equal(byBasic?.userInfo.userId, 'c2ef90b9-02bc-5d53-93cd-92652b6e1b41', 'of every credential')
  await t.rejects(idOf({ identityKey: () => '' }, {}), invalid, 'nobody is everybody')
  await t.rejects(idOf({ identityKey: () => '\ud800' }, {}), invalid)
  for (const bad of [{ namespace: 'dns' }, { identityKey: 'sub' }]) t.throws(() => createIdentity(bad as never), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' })
})

t.test('B7: a newer token of the same person is the same person, the same e-mail with another subject is not', async (t) => {
  const { identity, sign } = await setup()
  const idOf = async (claims: Record<string, unknown>) => (await identity.identify({ authorization: `Bearer ${await sign(claims)}` }))?.userInfo.userId
  const carol = await idOf({ email: 'x@example.com', jti: '1' })
  t.equal(await idOf({ email: 'new@example.com', jti: '2' }), carol)
  t.not(await idOf({ sub: 'dave', email: 'x@example.com' }), carol)
  t.equal(carol, userId({ issuer: 'https://issuer.example.com', subject: 'carol' }))
})

t.test('B1: what a request claims beside its credential has no effect', async (t) => {
  const { identity, token } = await setup()
  const extra = { 'x-user-id': 'admin', 'x-forwarded-user': 'admin', 'remote-user': 'admin', cookie: 'user=admin' }
  t.match(await identity.identify({ ...extra, authorization: `Bearer ${token}` }), { userInfo: { subject: 'carol' } })
  t.equal(await identity.identify(extra), null)
})

t.test('T10: what one request does to its user changes no other', async (t) => {
  const { identity, sign } = await setup()
  const authorization = `Bearer ${await sign({ groups: ['staff'], nested: { list: [1] } })}`
  const { userInfo } = await identity.identify({ authorization }) ?? {}
  const { groups, claims } = userInfo as unknown as { groups: string[], claims: { groups: string[], nested: { list: number[] } } }
  t.throws(() => groups.push('admins'), TypeError)
  t.throws(() => claims.groups.push('admins'), TypeError)
  t.throws(() => claims.nested.list.push(2), TypeError)
  t.match(await identity.identify({ authorization }), { userInfo: { groups: ['staff'] } })
})

t.test('T15: nothing is too long to be refused at once', async (t) => {
  const identity = createIdentity({ trust: 'upstream' })
  const long = 'a'.repeat(20_000)
  const refused = { code: 'CONSENTRY_ERR_CREDENTIAL_INVALID' }
  for (const message of [{ method: 'jwt', token: `${long}.b.` }, { method: 'api_key', token: long }, { method: 'basic', username: 'a', password: long }]) t.throws(() => readAuthMessage({ type: 'auth', ...message }), refused)
  for (const source of [{ authorization: `Bearer ${long}` }, { 'x-api-key': long }]) await t.rejects(identity.identify(source as Record<string, string>), refused)
  await t.rejects(identity.authenticate({ kind: 'bearer', token: long }), refused)
  t.throws(() => readCredentials({ cookie: `s=${long}` }, 's'), refused)
})

t.test('T9: keys and passwords are in nothing that is told', async (t) => {
  const { identity } = await setup()
  const key = `key-${'canary'.repeat(5)}`
  for (const headers of [{ 'x-api-key': key }, { authorization: basic(`carol:${key}`) }, { authorization: `Bearer ${key}` }]) {
    const error = await identity.identify(headers as Record<string, string>).catch((reason: unknown) => reason)
    t.notOk(`${String(error)} ${JSON.stringify(error)} ${(error as Error).stack}`.includes('canary'))
  }
})

t.test('a store that cannot be asked is an error, not a stranger', async (t) => {
  for (const error of [new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE'), new Error('ECONNREFUSED')]) {
    const { identity } = await setup({ session: { cookie, find: async () => { throw error }, userInfo: () => { throw error } } })
    await t.rejects(identity.identify({ cookie: `${cookie}=good` }), { code: 'CONSENTRY_ERR_STORE_UNAVAILABLE' })
  }
})

t.test('T17: options that make no sense are refused', async (t) => {
  for (const bad of [{ trust: 'everyone' }, { trust: true }, { cache: { maxEntries: -1 } }, { session: { cookie: '' } }, { session: { cookie: 'a;b' } }]) {
    t.throws(() => createIdentity(bad as never), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' }, JSON.stringify(bad))
  }
  t.same((await setup()).identity.warnings, [])
})
