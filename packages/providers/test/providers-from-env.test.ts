import { writeFileSync } from 'node:fs'
import { ConsentryError } from '@consentry/core'
import t from 'tap'
import type { Test } from 'tap'
import * as everything from '../src/index.ts'
import { providersFromEnv } from '../src/providers-from-env.ts'
import { providerTypes } from '../src/provider-types.ts'
import { hostile, obtain } from './helpers.ts'

const corp = { CONSENTRY_CORP_TYPE: 'oidc', CONSENTRY_CORP_ISSUER: 'https://idp.example', CONSENTRY_CORP_CLIENT_ID: 'app', CONSENTRY_CORP_CLIENT_SECRET: 'canary-secret' }

/** What is said to be wrong with the environment, which shows none of its values. */
function problems (t: Test, env: Record<string, string | undefined>): string[] {
  try {
    providersFromEnv(env)
  } catch (error) {
    t.ok(ConsentryError.is(error, 'CONSENTRY_ERR_OPTIONS_INVALID'))
    const told = error instanceof Error && error.cause instanceof Error ? error.cause.message : ''
    for (const [name, value = ''] of Object.entries(env)) if (value.includes('canary') && told.includes(value)) t.fail(`shows the value of ${name}: ${told}`)
    return told.split('; ')
  }
  return []
}

t.test('seed C: create_provider_from_settings: providers by their variables', async (t) => {
  const op = await hostile(t)
  const { host } = new URL(op.issuer)
  const providers = providersFromEnv({
    PATH: '/bin',
    CONSENTRY_SECRET: 'of the plugin',
    CONSENTRY_CORP_TYPE: 'oidc', CONSENTRY_CORP_ISSUER: op.issuer, CONSENTRY_CORP_CLIENT_ID: 'client', CONSENTRY_CORP_CLIENT_SECRET: 'client-secret',
    CONSENTRY_CORP_SCOPES: 'openid email', CONSENTRY_CORP_LABEL: 'Corp', CONSENTRY_CORP_ALLOW_INSECURE_LOOPBACK: 'true', CONSENTRY_CORP_TIMEOUT: '5000',
    CONSENTRY_CORP_TWO_TYPE: 'microsoft', CONSENTRY_CORP_TWO_CLIENT_ID: 'app', CONSENTRY_CORP_TWO_TENANT: 'organizations',
    CONSENTRY_CORP_TWO_ALLOWED_TENANTS: '72f988bf-86f1-41af-91ab-2d7cd011db47,11111111-2222-3333-4444-555555555555', CONSENTRY_CORP_TWO_SCOPES: '',
    CONSENTRY_FILES_TYPE: 'oauth2', CONSENTRY_FILES_AUTHORIZATION_ENDPOINT: 'https://files.example/a', CONSENTRY_FILES_TOKEN_ENDPOINT: 'https://files.example/t', CONSENTRY_FILES_CLIENT_ID: 'app',
    CONSENTRY_WEATHER_TYPE: 'api_key', CONSENTRY_WEATHER_LABEL: 'Weather', CONSENTRY_WEATHER_HOST: 'api.weather.example', CONSENTRY_WEATHER_HEADER: 'X-API-Key',
    CONSENTRY_TICKETS_TYPE: 'basic', CONSENTRY_TICKETS_LABEL: 'Tickets', CONSENTRY_TICKETS_HOST: 'tickets.example',
    CONSENTRY_JOBS_TYPE: 'client_credentials', CONSENTRY_JOBS_ISSUER: 'https://idp.example', CONSENTRY_JOBS_CLIENT_ID: 'app', CONSENTRY_JOBS_CLIENT_SECRET: 's', CONSENTRY_JOBS_AUDIENCE: 'a b',
    CONSENTRY_ORDERS_TYPE: 'token_exchange', CONSENTRY_ORDERS_TOKEN_ENDPOINT: 'https://idp.example/t', CONSENTRY_ORDERS_CLIENT_ID: 'app', CONSENTRY_ORDERS_SUBJECT_PROVIDER: 'corp', CONSENTRY_ORDERS_SUBJECT_SCOPES: 'openid'
  })
  t.same(Object.keys(providers).sort(), ['corp', 'corp_two', 'files', 'jobs', 'orders', 'tickets', 'weather'])
  t.match(providers, {
    corp: { kind: 'redirect', label: 'Corp', host, defaultScopes: ['openid', 'email'] },
    corp_two: { kind: 'redirect', label: 'Microsoft', defaultScopes: ['openid', 'profile', 'email'] },
    files: { kind: 'redirect', label: 'files.example', defaultScopes: { length: 0 } },
    weather: { kind: 'form', host: 'api.weather.example', fields: [{ name: 'api_key' }] },
    tickets: { kind: 'form', fields: [{ name: 'username' }, { name: 'password' }] },
    jobs: { kind: 'direct', subject: undefined },
    orders: { kind: 'direct', subject: { provider: 'corp', scopes: ['openid'] } }
  })
  const { corp } = providers
  if (corp?.kind === 'redirect') t.match(await obtain(corp), { tokenType: 'bearer', account: { subject: 'alice' } })
  await Promise.all(Object.values(providers).map(async (provider) => provider.close?.()))
  t.same(providersFromEnv({}), {})
})

t.test('seed C: create_provider_from_settings: one provider\'s default scopes are not another\'s', (t) => {
  const providers = providersFromEnv({ ...corp, CONSENTRY_FILES_TYPE: 'oauth2', CONSENTRY_FILES_AUTHORIZATION_ENDPOINT: 'https://files.example/a', CONSENTRY_FILES_TOKEN_ENDPOINT: 'https://files.example/t', CONSENTRY_FILES_CLIENT_ID: 'app' })
  t.same([providers['corp']?.defaultScopes, providers['files']?.defaultScopes], [['openid', 'profile', 'email'], []])
  t.end()
})

t.test('whatever makes a provider has a type', (t) => {
  const makers = Object.keys(everything).filter((name) => !['ProviderFault', 'createFetch', 'providersFromEnv'].includes(name))
  t.same(Object.keys(providerTypes).toSorted(), makers.map((name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)).toSorted())
  t.end()
})

t.test('a vendor, with options of its own and its own scopes', (t) => {
  const client = { CONSENTRY_CODE_CLIENT_ID: 'app', CONSENTRY_CODE_CLIENT_SECRET: 'secret' }
  t.match(providersFromEnv({ ...client, CONSENTRY_CODE_TYPE: 'github', CONSENTRY_CODE_HOST: 'git.example.com' }), { code: { label: 'GitHub', host: 'git.example.com', defaultScopes: ['read:user', 'user:email'] } })
  t.match(providersFromEnv({ ...client, CONSENTRY_CODE_TYPE: 'slack', CONSENTRY_CODE_SCOPES: 'chat:write' }), { code: { label: 'Slack', defaultScopes: ['chat:write'] } })
  t.same(problems(t, { ...client, CONSENTRY_CODE_TYPE: 'reddit' }), ['CONSENTRY_CODE_USER_AGENT is missing'])
  t.same(problems(t, { CONSENTRY_CODE_CLIENT_ID: 'app', CONSENTRY_CODE_TYPE: 'jira' }), ['CONSENTRY_CODE_CLIENT_SECRET is missing'])
  t.end()
})

t.test('a name that begins like another', (t) => {
  const providers = providersFromEnv({ ...corp, CONSENTRY_CORP_CLIENT_TYPE: 'api_key', CONSENTRY_CORP_CLIENT_LABEL: 'Weather', CONSENTRY_CORP_CLIENT_HOST: 'api.weather.example' })
  t.match(providers, { corp: { kind: 'redirect' }, corp_client: { kind: 'form', label: 'Weather' } }, 'CONSENTRY_CORP_CLIENT_ID is of corp')
  t.end()
})

t.test('T17: all that is wrong is said at once, by the names of variables', (t) => {
  t.same(problems(t, {
    ...corp, CONSENTRY_CORP_SCOPE: 'openid', CONSENTRY_CORP_TIMEOUT: 'canary-soon', CONSENTRY_CORP_ID_TOKEN_HINT_IN_URL: 'canary-maybe',
    CONSENTRY_FILES_TYPE: 'oauth2', CONSENTRY_FILES_TENANT: 'common',
    CONSENTRY_OTHER_TYPE: 'canary-type',
    CONSENTRY_GONE_CLIENT_ID: 'app-id', CONSENTRY_GONE_CLIENT_SECRET: 'canary-secret',
    CONSENTRY_MS_TYPE: 'microsoft', CONSENTRY_MS_CLIENT_ID: 'app', CONSENTRY_MS_TENANT: 'canary.example'
  }).sort(), [
    'CONSENTRY_CORP_ID_TOKEN_HINT_IN_URL is neither true nor false',
    'CONSENTRY_CORP_SCOPE is unknown',
    'CONSENTRY_CORP_TIMEOUT is not a whole number',
    'CONSENTRY_FILES_AUTHORIZATION_ENDPOINT is missing',
    'CONSENTRY_FILES_CLIENT_ID is missing',
    'CONSENTRY_FILES_TENANT is unknown',
    'CONSENTRY_FILES_TOKEN_ENDPOINT is missing',
    'CONSENTRY_GONE_TYPE is missing',
    'CONSENTRY_MS_TENANT is neither common, organizations, consumers nor the id of a directory',
    `CONSENTRY_OTHER_TYPE is none of ${Object.keys(providerTypes).join(', ')}`
  ])
  for (const [change, told] of [
    [{ CONSENTRY_CORP_ISSUER: 'http://canary.example' }, 'CONSENTRY_CORP_ISSUER is not an https URL'],
    [{ CONSENTRY_CORP_CLIENT_SECRET: 'canary-\nsecret' }, 'CONSENTRY_CORP_CLIENT_SECRET is missing or malformed'],
    [{ CONSENTRY_CORP_CLIENT_SECRET: 'canary-secret\n' }, 'CONSENTRY_CORP_CLIENT_SECRET begins or ends with a blank or a line break'],
    [{ CONSENTRY_CORP_CLIENT_ID: ' canary-id' }, 'CONSENTRY_CORP_CLIENT_ID begins or ends with a blank or a line break'],
    [{ CONSENTRY_CORP_CLIENT_ID: '  ' }, 'CONSENTRY_CORP_CLIENT_ID begins or ends with a blank or a line break'],
    [{ CONSENTRY_CORP_ISSUER: 'https://idp.example\t' }, 'CONSENTRY_CORP_ISSUER begins or ends with a blank or a line break'],
    [{ CONSENTRY_CORP_TYPE: 'oidc ' }, 'CONSENTRY_CORP_TYPE begins or ends with a blank or a line break'],
    [{ CONSENTRY_CORP_ALLOW_INSECURE_LOOPBACK: 'true ' }, 'CONSENTRY_CORP_ALLOW_INSECURE_LOOPBACK begins or ends with a blank or a line break'],
    [{ CONSENTRY_CORP_CLIENT_SECRET: undefined, CONSENTRY_CORP_CLIENT_AUTHENTICATION: 'client_secret_post' }, 'CONSENTRY_CORP_CLIENT_SECRET is missing or malformed'],
    [{ CONSENTRY_CORP_CLIENT_AUTHENTICATION: 'none' }, 'CONSENTRY_CORP_CLIENT_SECRET is given, but CONSENTRY_CORP_CLIENT_AUTHENTICATION is none'],
    [{ CONSENTRY_CORP_SIGNING_ALGORITHMS: 'HS256' }, 'CONSENTRY_CORP_SIGNING_ALGORITHMS holds one that is not asymmetric or not known'],
    [{ CONSENTRY_CORP_ISSUER: '' }, 'CONSENTRY_CORP_ISSUER is missing'],
    [{ CONSENTRY_CORP_TYPE: 'constructor' }, `CONSENTRY_CORP_TYPE is none of ${Object.keys(providerTypes).join(', ')}`],
    [{ CONSENTRY_BASIC_TYPE: 'oidc' }, 'CONSENTRY_BASIC_TYPE has a name that no provider can have'],
    [{ CONSENTRY___PROTO___TYPE: 'oidc' }, 'CONSENTRY___PROTO___TYPE has a name that no provider can have']
  ] as const) {
    t.same(problems(t, { ...corp, ...change }), [told])
  }
  t.same(problems(t, corp), [])
  t.same(problems(t, { ...corp, CONSENTRY_CORP_SCOPES: ' openid, email ' }), [], 'a list has blanks between its members anyway')
  t.end()
})

t.test('seed C: create_provider_from_settings: a secret that is mounted', async (t) => {
  const op = await hostile(t)
  const path = `${t.testdir()}/secret`
  writeFileSync(path, 'client-secret\n')
  const { CONSENTRY_CORP_CLIENT_SECRET: _given, ...rest } = corp
  const env = { ...rest, CONSENTRY_CORP_ISSUER: op.issuer, CONSENTRY_CORP_CLIENT_SECRET_FILE: path }
  const { corp: provider } = providersFromEnv(env, { allowInsecureLoopback: true })
  if (provider?.kind !== 'redirect') throw new Error('no such provider')
  await obtain(provider)
  t.equal(op.ledger.requests.token[0]?.headers.authorization, `Basic ${btoa('app:client%2Dsecret')}`)
  await provider.close?.()
  t.same(problems(t, { ...corp, CONSENTRY_CORP_CLIENT_SECRET_FILE: path }), ['CONSENTRY_CORP_CLIENT_SECRET and CONSENTRY_CORP_CLIENT_SECRET_FILE are both set'])
  t.same(problems(t, { ...env, CONSENTRY_CORP_ISSUER: 'https://idp.example', CONSENTRY_CORP_CLIENT_SECRET_FILE: `${path}-not-there` }), ['CONSENTRY_CORP_CLIENT_SECRET_FILE cannot be read'])
  writeFileSync(`${path}-blank`, 'canary-secret \n')
  t.same(problems(t, { ...env, CONSENTRY_CORP_ISSUER: 'https://idp.example', CONSENTRY_CORP_CLIENT_SECRET_FILE: `${path}-blank` }), ['CONSENTRY_CORP_CLIENT_SECRET_FILE names a file that begins or ends with a blank or a line break'])
  t.same(problems(t, { ...corp, CONSENTRY_CORP_CLIENT_ID_FILE: path }), ['CONSENTRY_CORP_CLIENT_ID_FILE is unknown'], 'of secrets alone')
})
