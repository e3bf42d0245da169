import { UnsecuredJWT, generateKeyPair } from 'jose'
import t from 'tap'
import { hostile, openid } from './helpers.ts'

const event = { 'http://schemas.openid.net/event/backchannel-logout': {} }
const now = () => Math.floor(Date.now() / 1000)

t.test('a logout token is taken when it is one', async (t) => {
  const op = await hostile(t)
  const provider = openid(t, op)
  const claims = { iss: op.issuer, aud: 'client', iat: now(), exp: now() + 60, jti: 'j', events: event }
  const typ = { header: { typ: 'logout+jwt' } }
  t.same(await provider.logoutToken?.(await op.sign({ ...claims, sub: 'alice', sid: 's' }, typ)), { id: 'j', issuer: op.issuer, subject: 'alice', sessionId: 's' })
  t.same(await provider.logoutToken?.(await op.sign({ ...claims, sub: 'alice', aud: ['other', 'client'] })), { id: 'j', issuer: op.issuer, subject: 'alice' })
  t.same(await provider.logoutToken?.(await op.sign({ ...claims, sid: 's' }, typ)), { id: 'j', issuer: op.issuer, sessionId: 's' })
})

t.test('T7: anything else is none', async (t) => {
  const op = await hostile(t)
  const provider = openid(t, op)
  const claims = { iss: op.issuer, aud: 'client', iat: now(), exp: now() + 60, jti: 'j', sub: 'alice', events: event }
  const without = (name: keyof typeof claims) => Object.fromEntries(Object.entries(claims).filter(([key]) => key !== name))
  const { privateKey } = await generateKeyPair('RS256')
  for (const [what, token] of Object.entries({
    'another issuer': await op.sign({ ...claims, iss: 'https://evil.example' }),
    'another audience': await op.sign({ ...claims, aud: 'other' }),
    'no audience': await op.sign(without('aud')),
    'no iat': await op.sign(without('iat')),
    'issued long ago': await op.sign({ ...claims, iat: now() - 600 }),
    'issued in the future': await op.sign({ ...claims, iat: now() + 600 }),
    expired: await op.sign({ ...claims, exp: now() - 60 }),
    'no jti': await op.sign(without('jti')),
    'nobody named': await op.sign(without('sub')),
    'an odd subject': await op.sign({ ...claims, sub: '' }),
    'an odd session': await op.sign({ ...claims, sid: { x: 1 } }),
    'a nonce': await op.sign({ ...claims, nonce: 'n' }),
    'no events': await op.sign(without('events')),
    'another event': await op.sign({ ...claims, events: { 'https://other.example': {} } }),
    'an event that is no object': await op.sign({ ...claims, events: { 'http://schemas.openid.net/event/backchannel-logout': true } }),
    'an access token': await op.sign(claims, { header: { typ: 'at+jwt' } }),
    'an ID token': await op.issueIdToken('client', { nonce: 'n' }),
    'another key': await op.sign(claims, { key: privateKey }),
    unsigned: new UnsecuredJWT(claims).encode(),
    nothing: ''
  })) await t.rejects(async () => provider.logoutToken?.(token), { code: 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID' }, what)
})
