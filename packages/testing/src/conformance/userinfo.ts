import { SignJWT, UnsecuredJWT } from 'jose'
import type { HostileProvider } from '../hostile-op/types.ts'
import { all, answering, changing, codes, encoded, overriding, refusal, seconds, strangers } from './misbehaviour.ts'
import type { Misbehaviour } from './misbehaviour.ts'
import type { ConformanceChapter } from './types.ts'

const body = (value: unknown): Misbehaviour => answering('userinfo', { body: value })

/** Answers with a JWT. */
function jwt (make: (op: HostileProvider, claims: { iss: string, aud: string, sub: string }) => string | Promise<string>): Misbehaviour {
  return overriding('userinfo', (op) => async () => ({
    headers: { 'content-type': 'application/jwt' }, body: await make(op, { iss: op.issuer, aud: 'client', sub: op.account.sub })
  }))
}

export const userinfo: ConformanceChapter = {
  title: 'Userinfo',
  rules: ['B1', 'T7'],
  about: 'OpenID Connect Core section 5.3. A sign-in needs it; for a connect the ID token says whose the grant is, and userinfo may be away, but not tell of somebody else.',
  journey: 'sign-in and connect',
  protocols: ['oidc'],
  cases: [
    ...all('accepted', [
      { name: 'userinfo', does: 'an ordinary answer', oidf: ['oidcc-client-test-userinfo-bearer-header', 'oidcc-client-test-scope-userinfo-claims'], misbehave: (op) => { Object.assign(op.account, { name: 'Alice of the userinfo', email: 'alice@example.com' }) } },
      { name: 'userinfo-signed', does: 'a JWT, signed with the published key', oidf: ['oidcc-client-test-userinfo-signed'], misbehave: jwt((op, claims) => op.sign(claims)) },
      { name: 'userinfo-signed-bare', does: 'a JWT without `iss` and `aud`', misbehave: jwt((op, { sub }) => op.sign({ sub })) },
      { name: 'userinfo-large', does: '64 KB of claims', misbehave: changing('userinfo', (body) => ({ ...body, much: 'x'.repeat(64_000) })) },
      { name: 'userinfo-claims', does: 'claims of the sign-in (`iss`, `aud`, `acr`), which are left unread', misbehave: changing('userinfo', (body) => ({ ...body, iss: 'https://other.example', aud: 'other', acr: 'high' })) },
      { name: 'userinfo-aggregated', does: 'claims of others, named and brought along, which are left unread', misbehave: overriding('userinfo', (op) => async () => ({ body: {
        sub: op.account.sub, _claim_names: { address: 'one', phone_number: 'two' }, _claim_sources: { one: { JWT: 'a.b.c' }, two: { endpoint: op.url('elsewhere'), access_token: 'x' } }
      } })) }
    ]),
    ...all(refusal(codes.invalid, 'session'), [
      { name: 'userinfo-deep', does: 'a claim that is nested a hundred thousand times', misbehave: overriding('userinfo', (op) => () => ({ headers: { 'content-type': 'application/json' }, body: `{"sub":${JSON.stringify(op.account.sub)},"deep":${'['.repeat(100_000)}${']'.repeat(100_000)}}` })) },
      { name: 'userinfo-sub-wrong', does: '`sub` is another person', oidf: ['oidcc-client-test-userinfo-invalid-sub'], misbehave: body({ sub: 'mallory', email: 'alice@example.com' }) },
      { name: 'userinfo-sub-missing', does: 'no `sub`', misbehave: body({ email: 'alice@example.com' }) },
      { name: 'userinfo-sub-empty', does: '`sub` is empty', misbehave: body({ sub: '' }) },
      { name: 'userinfo-sub-number', does: '`sub` is a number', misbehave: body({ sub: 7 }) },
      { name: 'userinfo-sub-list', does: '`sub` is a list', misbehave: body({ sub: ['alice'] }) },
      { name: 'userinfo-sub-capitals', does: '`sub` is in capitals', misbehave: body({ sub: 'ALICE' }) },
      { name: 'userinfo-list', does: 'a list', misbehave: body([]) },
      { name: 'userinfo-null', does: '`null`', misbehave: body(null) },
      { name: 'userinfo-signed-sub', does: 'a signed JWT about another person', misbehave: jwt((op, claims) => op.sign({ ...claims, sub: 'mallory' })) },
      { name: 'userinfo-signed-iss', does: 'a signed JWT with the `iss` of another', misbehave: jwt((op, claims) => op.sign({ ...claims, iss: 'https://other.example' })) },
      { name: 'userinfo-signed-aud', does: 'a signed JWT for another client', misbehave: jwt((op, claims) => op.sign({ ...claims, aud: 'other' })) },
      { name: 'userinfo-signed-key', does: 'a JWT that somebody else signed', misbehave: jwt(async (op, claims) => op.sign(claims, { key: (await strangers('RS256')).privateKey })) },
      { name: 'userinfo-signed-broken', does: 'a signed JWT whose payload was changed', misbehave: jwt(async (op, claims) => { const [header, , signature] = (await op.sign(claims)).split('.'); return `${header}.${encoded({ ...claims, email: 'mallory@example.com' })}.${signature}` }) },
      { name: 'userinfo-signed-exp', does: 'a signed JWT that ended a minute ago', misbehave: jwt((op, claims) => op.sign({ ...claims, exp: seconds() - 60 })) },
      { name: 'userinfo-encrypted', does: 'what looks like an encrypted JWT', misbehave: jwt(() => `${encoded({ alg: 'RSA-OAEP', enc: 'A256GCM' })}.AA.AA.AA.AA`) },
      { name: 'userinfo-signed-none', does: 'a JWT with `alg` `none`', misbehave: jwt((_op, claims) => new UnsecuredJWT(claims).encode()) },
      { name: 'userinfo-signed-hs256', does: 'a JWT with HS256 and the client secret', misbehave: jwt((_op, claims) => new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from('the-secret-of-the-client'))) }
    ]),
    ...all({ signIn: refusal(codes.oversize, 'session'), connect: 'accepted' }, [
      { name: 'userinfo-oversize', does: 'half a megabyte of claims', misbehave: changing('userinfo', (body) => ({ ...body, much: 'x'.repeat(500_000) })) }
    ]),
    ...all({ signIn: refusal(codes.refused, 'session'), connect: 'accepted' }, [
      { name: 'userinfo-401', does: 'refuses the token with a challenge', misbehave: answering('userinfo', { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token", error_description="provider text"' } }) },
      { name: 'userinfo-403', does: 'refuses the token without one', misbehave: answering('userinfo', { status: 403, body: 'provider text' }) }
    ])
  ]
}

export const plainUserinfo: ConformanceChapter = {
  title: 'Account of a provider without OpenID Connect',
  about: 'The endpoint alone says whose the tokens are. A sign-in needs it. A connect that is held to no account yet keeps what the person gave, and says nothing of the account.',
  journey: 'sign-in and connect',
  protocols: ['oauth2'],
  cases: [
    ...all({ signIn: refusal(codes.invalid, 'session'), connect: 'accepted, account unknown' }, [
      { name: 'account-missing', does: 'no id', misbehave: body({ email: 'alice@example.com' }) },
      { name: 'account-empty', does: 'the id is empty', misbehave: body({ sub: '' }) },
      { name: 'account-fraction', does: 'the id is 1.5', misbehave: body({ sub: 1.5 }) },
      { name: 'account-unsafe', does: 'the id is a number that cannot be told from the next', misbehave: body({ sub: 2 ** 60 }) },
      { name: 'account-control', does: 'the id holds a line break', misbehave: body({ sub: 'a\nb' }) },
      { name: 'account-list', does: 'a list', misbehave: body([]) }
    ]),
    ...all({ signIn: refusal(codes.oversize, 'session'), connect: 'accepted, account unknown' }, [
      { name: 'account-oversize', does: 'half a megabyte of claims', misbehave: changing('userinfo', (body) => ({ ...body, much: 'x'.repeat(500_000) })) }
    ]),
    ...all({ signIn: refusal(codes.refused, 'session'), connect: 'accepted, account unknown' }, [
      { name: 'account-401', does: 'refuses the token with a challenge', misbehave: answering('userinfo', { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } }) },
      { name: 'account-403', does: 'refuses the token without one', misbehave: answering('userinfo', { status: 403, body: 'provider text' }) }
    ])
  ]
}
