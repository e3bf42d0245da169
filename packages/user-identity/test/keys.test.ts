import { createClock } from '@consentry/testing'
import t from 'tap'
import { createIdentity, jwtVerifier } from '../src/index.ts'
import { audience, testIssuer, type TestIssuer } from './issuer.ts'
import { json, testServer, type TestServer } from './server.ts'

const minute = 60_000
const unavailable = { code: 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE', retryable: true }

async function setup (t: Parameters<typeof testServer>[0]) {
  const issuer = await testIssuer()
  const server = await testServer(t, json({ keys: [issuer.jwk] }))
  const clock = createClock()
  const options = { issuers: [{ issuer: issuer.issuer, audience, jwksUri: `${server.url}/jwks` }] }
  return { issuer, server, clock, options, verify: jwtVerifier(options, { clock }) }
}

/** Tokens of the test live for an hour, so that its clock can move. */
const sign = ({ sign }: TestIssuer) => sign({ exp: Math.floor(Date.now() / 1000) + 24 * 3600 })

t.test('R15: keys are fetched once for any number of tokens', async (t) => {
  const { issuer, server, verify } = await setup(t)
  await Promise.all(Array.from({ length: 20 }, async () => verify(await issuer.sign())))
  t.equal(server.requests, 1)
})

t.test('R15: a rotation is noticed at the first new token, one fetch per cooldown', async (t) => {
  const { issuer, server, clock, verify } = await setup(t)
  await verify(await sign(issuer))
  const newer = await testIssuer(issuer.issuer, 'ES256', 'k2')
  server.answer = json({ keys: [newer.jwk] })
  await Promise.all(Array.from({ length: 20 }, async () => verify(await sign(newer))))
  t.equal(server.requests, 2)
  await t.rejects(verify(await sign(issuer)), { code: 'CONSENTRY_ERR_CREDENTIAL_INVALID' }, 'the old key is gone')
  for (let n = 0; n < 10; n++) await t.rejects(verify(await (await testIssuer(issuer.issuer, 'ES256', `made-up-${n}`)).sign()), { code: 'CONSENTRY_ERR_CREDENTIAL_INVALID' })
  t.equal(server.requests, 2, 'made-up key ids do not flood the issuer')
  await clock.advance(10_000)
  const again = await testIssuer(issuer.issuer, 'ES256', 'k2')
  server.answer = json({ keys: [again.jwk] })
  t.ok(await verify(await sign(again)), 'the same key id with a new key')
  t.equal(server.requests, 3)
})

t.test('R15: keys are served stale within a bound', async (t) => {
  const { issuer, server, clock, verify } = await setup(t)
  await verify(await sign(issuer))
  server.answer = json({}, 500)
  await clock.advance(59 * minute)
  t.ok(await verify(await sign(issuer)), 'the issuer is down')
  await clock.advance(minute)
  await t.rejects(verify(await sign(issuer)), unavailable)
  const { requests } = server
  await Promise.all(Array.from({ length: 10 }, async () => t.rejects(verify(await sign(issuer)), unavailable)))
  t.equal(server.requests, requests, 'no storm after a failure')
  server.answer = json({ keys: [issuer.jwk] })
  await clock.advance(1000)
  t.ok(await verify(await sign(issuer)), 'and it is back')
})

t.test('T18: what is remembered of an issuer is dropped when its keys rotate', async (t) => {
  const { issuer, server, options } = await setup(t)
  const other = await testIssuer('https://other.example.com')
  const identity = createIdentity({ jwt: { issuers: [...options.issuers, { issuer: other.issuer, audience, jwks: { keys: [other.jwk] } }] }, cache: { lifetime: 3600 } })
  const [old, bystander] = [`Bearer ${await issuer.sign()}`, `Bearer ${await other.sign()}`]
  const first = await identity.identify({ authorization: old })
  const kept = await identity.identify({ authorization: bystander })
  t.equal((await identity.identify({ authorization: old }))?.userInfo, first?.userInfo, 'remembered')
  const newer = await testIssuer(issuer.issuer, 'ES256', 'k2')
  server.answer = json({ keys: [newer.jwk] })
  await identity.identify({ authorization: `Bearer ${await newer.sign()}` })
  await t.rejects(identity.identify({ authorization: old }), { code: 'CONSENTRY_ERR_CREDENTIAL_INVALID' })
  t.equal((await identity.identify({ authorization: bystander }))?.userInfo, kept?.userInfo, 'nobody else is')
})

t.test('T6: keys come from one place, in time, and are not too many', async (t) => {
  const issuer = await testIssuer()
  const token = await issuer.sign()
  const server = await testServer(t, json({}))
  const elsewhere = await testServer(t, json({ keys: [issuer.jwk] }))
  const ask = (answer: TestServer['answer']) => {
    server.answer = answer
    return jwtVerifier({ issuers: [{ issuer: issuer.issuer, audience, jwksUri: server.url }], timeout: 300 })(token)
  }
  await t.rejects(ask((_request, response) => { response.writeHead(302, { location: elsewhere.url }).end() }), unavailable, 'a redirect')
  t.equal(elsewhere.requests, 0)
  await t.rejects(ask(json({ keys: [issuer.jwk], padding: 'x'.repeat(1_048_576) })), unavailable, 'too large')
  await t.rejects(ask(json({ keys: 'none' })), unavailable, 'no keys')
  await t.rejects(ask((_request, response) => { response.end('<html>') }), unavailable, 'no JSON')
  await t.rejects(ask((request) => { request.socket.destroy() }), unavailable, 'cut off')
  const since = performance.now()
  await t.rejects(ask(() => {}), unavailable, 'no answer')
  await t.rejects(ask((_request, response) => {
    const drip = setInterval(() => { response.write(' ') }, 50)
    response.on('close', () => { clearInterval(drip) })
  }), unavailable, 'an answer that drips')
  t.ok(performance.now() - since < 3000, 'one deadline over everything')
  await t.rejects(jwtVerifier({ issuers: [{ issuer: issuer.issuer, audience, jwksUri: 'https://issuer.example.com' }], timeout: 50, fetch: () => new Promise(() => {}) })(token), unavailable, 'a fetch that heeds no signal')
  t.ok(await ask(json({ keys: [issuer.jwk] })))
})

t.test('a token without a key id is tried with every key', async (t) => {
  const issuer = await testIssuer()
  const others = await Promise.all(['k2', 'k3'].map((kid) => testIssuer(issuer.issuer, 'ES256', kid)))
  const verify = (keys: TestIssuer[]) => jwtVerifier({ issuers: [{ issuer: issuer.issuer, audience, jwks: { keys: keys.map(({ jwk }) => jwk) } }] })
  const token = await issuer.sign({}, { kid: undefined })
  t.ok(await verify([...others, issuer])(token))
  await t.rejects(verify(others)(token), { code: 'CONSENTRY_ERR_CREDENTIAL_INVALID' })
  await t.rejects(verify([...others, issuer])(await issuer.sign({ exp: 1 }, { kid: undefined })), { code: 'CONSENTRY_ERR_CREDENTIAL_INVALID' })
})
