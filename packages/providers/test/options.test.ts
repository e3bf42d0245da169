import { ConsentryError } from '@consentry/core'
import { generateKeyPair } from 'jose'
import t from 'tap'
import * as everything from '../src/index.ts'
import { clientCredentials, github, oauth2, oidc } from '../src/index.ts'
import { vendors } from './vendors/all.ts'

const openid = { issuer: 'https://idp.example', clientId: 'c' }
const plain = { authorizationEndpoint: 'https://idp.example/a', tokenEndpoint: 'https://idp.example/t', clientId: 'c' }

/** With options as they come from plain JavaScript. */
const wrongOidc = (options: Record<string, unknown>) => () => oidc({ ...openid, ...options })
const wrongOauth2 = (options: Record<string, unknown>) => () => oauth2({ ...plain, ...options })

function refuses (t: { equal: (...args: [unknown, unknown, string]) => unknown, match: (...args: [unknown, unknown]) => unknown, fail: (name: string) => unknown }, create: () => unknown, named: RegExp, name: string): void {
  try {
    create()
    t.fail(`${name}: accepted`)
  } catch (error) {
    t.equal(ConsentryError.is(error, 'CONSENTRY_ERR_OPTIONS_INVALID'), true, name)
    t.match(error instanceof Error ? error.cause : undefined, named)
  }
}

t.test('T17: what both check at construction', (t) => {
  const cases: Array<[Record<string, unknown>, RegExp]> = [
    [{ clientId: undefined }, /clientId/], [{ clientId: '' }, /clientId/], [{ clientId: 'a\n' }, /clientId/], [{ clientId: 7 }, /clientId/],
    [{ clientSecret: '' }, /clientSecret/], [{ clientSecret: 'secret\n' }, /clientSecret/], [{ clientSecret: 7 }, /clientSecret/],
    [{ clientAuthentication: 'client_secret_basic' }, /clientSecret/], [{ clientAuthentication: 'client_secret_post' }, /clientSecret/],
    [{ clientAuthentication: 'none', clientSecret: 's' }, /clientSecret/], [{ clientAuthentication: 'private_key_jwt' }, /privateKey/],
    [{ clientAuthentication: 'tls' }, /clientAuthentication/], [{ privateKey: 'pem' }, /privateKey/],
    [{ scopes: ['a b'] }, /scopes/], [{ scopes: [''] }, /scopes/], [{ scopes: ['a"'] }, /scopes/], [{ scopes: [7] }, /scopes/],
    [{ timeout: -1 }, /timeout/], [{ timeout: Number.NaN }, /timeout/], [{ timeout: 0 }, /timeout/], [{ timeout: '1' }, /timeout/],
    [{ dpop: {} }, /dpop/],
    [{ clockTolerance: -1 }, /clockTolerance/], [{ clockTolerance: Infinity }, /clockTolerance/],
    [{ authorizationParameters: { audience: 7 } }, /authorizationParameters\.audience/]
  ]
  for (const parameter of ['state', 'redirect_uri', 'client_id', 'client_secret', 'response_type', 'response_mode', 'code_challenge', 'code_challenge_method', 'code_verifier', 'dpop_jkt', 'nonce', 'scope', 'request', 'request_uri']) {
    cases.push([{ authorizationParameters: { [parameter]: 'x' } }, new RegExp(`authorizationParameters\\.${parameter} `)])
  }
  for (const [options, named] of cases) {
    refuses(t, wrongOidc(options), named, `oidc ${JSON.stringify(options)}`)
    refuses(t, wrongOauth2(options), named, `oauth2 ${JSON.stringify(options)}`)
  }
  t.end()
})

t.test('T6, T17: URLs', (t) => {
  const odd = [
    undefined, '', 'idp.example', 'http://idp.example', 'http://localhost', 'https://localhost', 'http://127.0.0.1', 'https://127.0.0.1', 'https://10.0.0.1',
    'https://169.254.169.254', 'https://[::1]', 'https://user:pass@idp.example', 'https://idp.example/#x', 'javascript:alert(1)', 7
  ]
  for (const url of odd) {
    refuses(t, wrongOidc({ issuer: url }), /issuer/, `issuer ${String(url)}`)
    refuses(t, wrongOauth2({ authorizationEndpoint: url }), /authorizationEndpoint/, `authorizationEndpoint ${String(url)}`)
    refuses(t, wrongOauth2({ tokenEndpoint: url }), /tokenEndpoint/, `tokenEndpoint ${String(url)}`)
    if (url === undefined) continue
    refuses(t, wrongOidc({ authorizationEndpoint: url }), /authorizationEndpoint/, `override ${url}`)
    for (const name of ['pushedAuthorizationRequestEndpoint', 'revocationEndpoint', 'userinfoEndpoint', 'issuer']) {
      refuses(t, wrongOauth2({ [name]: url }), new RegExp(name), `${name} ${url}`)
    }
  }
  refuses(t, () => oidc({ ...openid, issuer: 'https://idp.example/?a=b' }), /issuer/, 'a query')
  for (const issuer of ['http://localhost:1', 'http://127.0.0.1', 'http://[::1]', 'https://op.localhost']) t.ok(oidc({ ...openid, issuer, allowInsecureLoopback: true }))
  refuses(t, () => oidc({ ...openid, issuer: 'http://idp.example', allowInsecureLoopback: true }), /issuer/, 'http elsewhere')
  refuses(t, () => oidc({ ...openid, issuer: 'http://10.0.0.1', allowInsecureLoopback: true, allowPrivateAddresses: true }), /issuer/, 'http in a private network')
  t.ok(oidc({ ...openid, issuer: 'https://10.0.0.1', allowPrivateAddresses: true }))
  t.end()
})

t.test('T7, T17: algorithms are asymmetric', async (t) => {
  for (const signingAlgorithms of [[], ['HS256'], ['none'], ['RS256', 'HS512'], ['rs256'], [7]]) {
    refuses(t, wrongOidc({ signingAlgorithms }), /signingAlgorithms/, JSON.stringify(signingAlgorithms))
  }
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  refuses(t, () => oidc({ ...openid, privateKey: publicKey }), /privateKey/, 'a public key')
  t.ok(oidc({ ...openid, privateKey }))
})

t.test('options of oauth2 alone', (t) => {
  refuses(t, () => oauth2({ ...plain, scopeSeparator: '' }), /scopeSeparator/, 'no separator')
  refuses(t, () => oauth2({ ...plain, subjectClaim: '' }), /subjectClaim/, 'no claim')
  for (const reauthErrors of [[''], [7], ['a\nb'], 'invalid']) refuses(t, wrongOauth2({ reauthErrors }), /reauthErrors/, JSON.stringify(reauthErrors))
  refuses(t, wrongOidc({ pushedAuthorizationRequests: false }), /pushedAuthorizationRequests/, 'neither true nor auto')
  refuses(t, () => oauth2({ ...plain, scopeSeparator: ',', scopes: ['a,b'] }), /scopes/, 'a scope with the separator')
  t.end()
})

t.test('options are copied', async (t) => {
  const scopes = ['read']
  const authorizationParameters = { audience: 'one' }
  const provider = oauth2({ ...plain, scopes, authorizationParameters })
  scopes.push('write')
  authorizationParameters.audience = 'two'
  t.same(provider.defaultScopes, ['read'])
  const url = await provider.authorizationUrl({ redirectUri: 'https://app.example/cb', state: 's', nonce: 'n', codeVerifier: 'v'.repeat(43), scopes: [] })
  t.equal(url.searchParams.get('audience'), 'one')
})

t.test('what the package exports', (t) => {
  t.same(Object.keys(everything).sort(), [
    'ProviderFault', 'apiKey', 'basic', 'clientCredentials', 'createFetch', 'microsoft', 'oauth2', 'oidc', 'providersFromEnv', 'tokenExchange',
    ...Object.keys(vendors)
  ].sort())
  t.end()
})

t.test('resourceHosts are hosts, and a fact of every kind of client', async (t) => {
  const client = { clientId: 'client', clientSecret: 'secret' }
  const kinds = {
    oidc: (options: { resourceHosts?: string[] }) => oidc({ issuer: 'https://op.example', ...client, ...options }),
    oauth2: (options: { resourceHosts?: string[] }) => oauth2({ authorizationEndpoint: 'https://op.example/a', tokenEndpoint: 'https://op.example/t', ...client, ...options }),
    github: (options: { resourceHosts?: string[] }) => github({ ...client, ...options }),
    clientCredentials: (options: { resourceHosts?: string[] }) => clientCredentials({ tokenEndpoint: 'https://op.example/t', ...client, ...options })
  }
  for (const [name, create] of Object.entries(kinds)) {
    t.same(create({ resourceHosts: ['api.example.com', 'api.example.com:8443'] }).resourceHosts, ['api.example.com', 'api.example.com:8443'], name)
    t.equal(create({}).resourceHosts, undefined, name)
    for (const host of ['https://api.example.com', '*.example.com', 'api.example.com/', 'a b', '']) t.throws(() => create({ resourceHosts: [host] }), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' }, `${name} ${host}`)
  }
})
