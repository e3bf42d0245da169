import { memoryState, memoryTokens, systemClock } from '@consentry/core'
import { oauth2 } from '@consentry/providers'
import Fastify from 'fastify'
import t from 'tap'
import consentry, { ConsentryError, type ConsentryOptions } from '../src/index.ts'
import { secret } from './server.ts'

const github = oauth2({
  clientId: 'id',
  clientSecret: 'secret',
  authorizationEndpoint: 'https://github.example/authorize',
  tokenEndpoint: 'https://github.example/token'
})
const good: ConsentryOptions = { baseUrl: 'https://app.example.com', secret, providers: { github } }

async function start (options: unknown): Promise<void> {
  const app = Fastify()
  try {
    await app.register(consentry, options as ConsentryOptions)
  } finally {
    await app.close()
  }
}

t.test('options that make sense start', async (t) => {
  for (const options of [
    good,
    { ...good, baseUrl: 'https://app.example.com/' },
    { ...good, baseUrl: 'http://localhost:3000' },
    { ...good, baseUrl: 'http://[::1]:3000' },
    { ...good, secret: [secret, `an older ${secret}`] },
    { ...good, login: ['github'], prefix: '/sign-in', executionsPrefix: '/api/runs', allowedOrigins: ['https://dev.example.com'] },
    { ...good, tokenStore: memoryTokens(), stateStore: memoryState(), clock: systemClock },
    { ...good, defaultAuth: { groups: ['staff'], check: () => true } },
    { ...good, identity: { session: { idleLifetime: 60 }, jwt: { issuers: [{ issuer: 'https://i.example', audience: 'a', jwksUri: 'https://i.example/jwks' }] } } },
    { ...good, rateLimit: false },
    { ...good, rateLimit: { max: 10 } },
    { ...good, flowLifetime: 60, refreshBuffer: 0, executions: { maxAge: 10, retention: 1, maxPerUser: 1, maxEvents: 10 }, websocket: { authTimeout: 1 } }
  ]) await t.resolves(start(options))
})

t.test('seed D: options that make no sense, a missing secret among them, refuse to start and name what is wrong (T17)', async (t) => {
  const without = (name: keyof ConsentryOptions): object => Object.fromEntries(Object.entries(good).filter(([key]) => key !== name))
  for (const [options, named] of [
    [without('baseUrl'), /baseUrl is required/],
    [without('secret'), /secret is required/],
    [without('providers'), /providers is required/],
    [{ ...good, baseUrl: 'app.example.com' }, /baseUrl must be/],
    [{ ...good, baseUrl: 'https://app.example.com/path' }, /baseUrl must be an origin/],
    [{ ...good, baseUrl: 'https://user@app.example.com' }, /baseUrl must be an origin/],
    [{ ...good, baseUrl: 'http://app.example.com' }, /baseUrl must be https/],
    [{ ...good, baseUrl: 'javascript:alert(1)' }, /baseUrl must be/],
    [{ ...good, secret: '' }, /secret must have at least 32 bytes/],
    [{ ...good, secret: 'too short' }, /secret must have at least 32 bytes/],
    [{ ...good, secret: [secret, 'too short'] }, /secret must have at least 32 bytes/],
    [{ ...good, secret: [] }, /secret/],
    [{ ...good, providers: { github: {} } }, /providers\.github does not have the methods/],
    [{ ...good, providers: { 'Git Hub': github } }, /providers\.Git Hub/],
    [{ ...good, providers: { '../x': github } }, /providers/],
    [{ ...good, login: ['corp'] }, /login names "corp"/],
    [{ ...good, login: ['toString'] }, /login names "toString"/],
    [{ ...good, login: ['basic'] }, /identity\.basic/],
    [{ ...good, login: ['basic'], identity: { basic: { realm: 'x', check: () => undefined }, trust: 'upstream' } }, /identity\.trust/],
    [{ ...good, providers: { basic: github } }, /providers\.basic|providers/],
    [{ ...good, login: 'github' }, /login must be array/],
    [{ ...good, identity: { attempts: true } }, /identity\.attempts/],
    [{ ...good, identity: { attempts: { name: { max: 0, window: 60 } } } }, /identity\.attempts\.name\.max/],
    [{ ...good, identity: { attempts: { user: { max: 1, window: 60 } } } }, /no option identity\.attempts\.user/],
    [{ ...good, identity: { reverify: 0 } }, /identity\.reverify/],
    [{ ...good, prefix: 'auth' }, /prefix/],
    [{ ...good, prefix: '/auth/' }, /prefix/],
    [{ ...good, prefix: '/:id' }, /prefix/],
    [{ ...good, prefix: '/runs', executionsPrefix: '/runs' }, /executionsPrefix/],
    [{ ...good, defaultAuth: { group: ['x'] } }, /no option defaultAuth\.group/],
    [{ ...good, defaultAuth: { groups: [] } }, /defaultAuth\.groups/],
    [{ ...good, defaultAuth: { check: 'yes' } }, /defaultAuth\.check must be a function/],
    [{ ...good, tokenStore: {} }, /tokenStore does not have the methods/],
    [{ ...good, stateStore: memoryTokens() }, /stateStore does not have the methods/],
    [{ ...good, flowLifetime: 0 }, /flowLifetime/],
    [{ ...good, flowLifetime: '600' }, /flowLifetime must be number/],
    [{ ...good, flowLifetime: Number.NaN }, /flowLifetime/],
    [{ ...good, refreshBuffer: -1 }, /refreshBuffer/],
    [{ ...good, executions: { maxAge: -1 } }, /executions\.maxAge/],
    [{ ...good, executions: { ttl: 1 } }, /no option executions\.ttl/],
    [{ ...good, websocket: { maxPayload: 1.5 } }, /websocket\.maxPayload/],
    [{ ...good, identity: { jwt: { issuers: [] } } }, /identity\.jwt\.issuers/],
    [{ ...good, identity: { jwt: { issuers: [{ issuer: 'x' }] } } }, /identity\.jwt\.issuers\.0\.audience is required/],
    [{ ...good, identity: { jwt: { issuers: [{ issuer: 'x', audience: 'a' }] } } }, /identity\.jwt|needs either jwks or jwksUri/],
    [{ ...good, identity: { jwt: { issuers: [{ issuer: 'x', audience: 'a', jwks: { keys: [] }, algorithms: ['HS256'] }] } } }, /asymmetric/],
    [{ ...good, identity: { namespace: 'x' } }, /identity\.namespace/],
    [{ ...good, identity: { session: { idleLifetime: 100, absoluteLifetime: 10 } } }, /idleLifetime/],
    [{ ...good, allowedOrigins: ['*'] }, /allowedOrigins must be/],
    [{ ...good, allowedOrigins: ['https://*.example.com'] }, /allowedOrigins/],
    [{ ...good, rateLimit: true }, /rateLimit/],
    [{ ...good, rateLimit: { max: 0 } }, /rateLimit\.max/],
    [{ ...good, tokenstore: memoryTokens() }, /no option tokenstore/],
    [undefined, /is required/]
  ] as const) {
    const error = await start(options).then(() => undefined, (error: unknown) => error)
    t.ok(ConsentryError.is(error, 'CONSENTRY_ERR_OPTIONS_INVALID'), `${String(named)}: refused`)
    t.match((error as Error | undefined)?.message, named)
    t.notMatch((error as Error | undefined)?.message, secret)
  }
})

t.test('options are copied: changing them later changes nothing', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  const options = { ...good, providers: { github }, login: ['github'] }
  await app.register(consentry, options)
  options.login.push('evil')
  Object.assign(options.providers, { evil: github })
  t.same(Object.keys(app.consentry.providers), ['github'])
  t.equal((await app.inject('/auth/login/evil')).statusCode, 404)
})
