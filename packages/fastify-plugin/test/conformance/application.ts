import { memoryState, type StateStore } from '@consentry/core'
import { createClock, createLogSink, freePort, startHostileProviders, type ConformanceCase, type ConformanceChapter, type HostileProvider, type LogSink } from '@consentry/testing'
import { oauth2, oidc } from '@consentry/providers'
import Fastify from 'fastify'
import { generateKeyPair } from 'jose'
import type { Test } from 'tap'
import consentry, { type ConsentryOptions } from '../../src/index.ts'
import { secret } from '../server.ts'

/** A case with the provider that misbehaves as it says. */
export interface Trial {
  each: ConformanceCase
  chapter: ConformanceChapter
  protocol: 'oidc' | 'oauth2'
  /** Of the provider, in the URLs of the application. */
  name: string
  op: HostileProvider
}

export interface Application {
  url: string
  log: LogSink
  clientSecret: string
  trials: Trial[]
  /** Signs everybody in without a fault. */
  home: HostileProvider
  /** How many sessions of people whom this provider signed in were ever stored. */
  sessionsOf: (op: HostileProvider) => number
}

/** One application that knows the providers of all cases, and one server that is all of them. */
export async function startApplication (t: Test, chapters: readonly ConformanceChapter[]): Promise<Application> {
  const server = await startHostileProviders()
  t.teardown(() => server.close())
  const home = server.provider('home')
  const trials = chapters.flatMap((chapter) => chapter.cases.flatMap((each) => chapter.protocols.map((protocol): Trial => {
    const name = protocol === 'oidc' ? each.name : `${each.name}-plain`
    return { each, chapter, protocol, name, op: server.provider(name) }
  })))
  if (new Set(trials.map(({ name }) => name)).size !== trials.length) throw new Error('two cases have one name')
  const dpop = await generateKeyPair('ES256', { extractable: true })
  const providers = Object.fromEntries(trials.map((trial) => [trial.name, client(trial, dpop)]))
  const url = `http://127.0.0.1:${await freePort()}`
  const log = createLogSink()
  const sessions = new Map<string, number>()
  const app = Fastify({ logger: { level: 'trace', stream: log } })
  t.teardown(() => app.close())
  const options: ConsentryOptions = {
    baseUrl: url, secret, rateLimit: false, stateStore: counting(sessions), login: ['home', ...Object.keys(providers)],
    providers: { ...providers, home: oidc({ issuer: home.issuer, clientId: 'client', clientSecret, allowInsecureLoopback: true }) }
  }
  await app.register(consentry, options)
  app.get('/', async (_request, reply) => reply.type('text/html').send('<!doctype html><title>Home</title>'))
  app.get('/out', async (request, reply) => reply.type('text/html').send(`<!doctype html><form method="post" action="/auth/logout"><input type="hidden" name="_csrf" value="${request.csrfToken()}"><button>Out</button></form>`))
  app.post<{ Params: { provider: string }, Querystring: { resource?: string } }>('/run/:provider', { config: { auth: true } }, async (request, reply) => reply.execution(async (execution) => {
    const grant = await execution.authorize(request.params.provider, { scopes: ['read'] })
    const { resource } = request.query
    if (resource !== undefined) {
      const response = await grant.fetch(resource)
      if (!response.ok) throw new Error(`the resource answered ${response.status}`)
    }
    return { account: grant.account }
  }))
  await app.listen({ port: Number(new URL(url).port), host: '127.0.0.1' })
  return { url, log, clientSecret, trials, home, sessionsOf: ({ issuer }) => sessions.get(issuer) ?? 0 }
}

/** State in memory that counts, by their issuer, the sessions that it is given, those that nobody hears of included. */
function counting (sessions: Map<string, number>): StateStore {
  const state = memoryState()
  const count = (key: string, value: string | undefined): void => {
    if (!key.startsWith('session:') || value === undefined) return
    const { data } = JSON.parse(value) as { data?: { userInfo: { issuer: string } } }
    if (data !== undefined) sessions.set(data.userInfo.issuer, (sessions.get(data.userInfo.issuer) ?? 0) + 1)
  }
  return {
    ...state,
    async set (key, value, ttl) {
      count(key, value)
      await state.set(key, value, ttl)
    },
    async compareAndSet (key, expected, value, ttl) {
      count(key, value)
      return state.compareAndSet(key, expected, value, ttl)
    }
  }
}

/** In an answer of a provider, what must be shown to nobody. */
export const providerText = 'provider text'
const clientSecret = 'the-secret-of-the-client'

function client ({ each, protocol, op }: Trial, dpop: Awaited<ReturnType<typeof generateKeyPair>>): ReturnType<typeof oidc> {
  const { signingAlgorithms, pushed, timeout = 20_000, clock } = each.client ?? {}
  const options = {
    clientId: 'client', clientSecret, scopes: ['read'], timeout, allowInsecureLoopback: true,
    ...clock !== undefined && { clock: createClock(clock) }, ...each.client?.dpop === true && { dpop }
  }
  if (protocol === 'oidc') {
    return oidc({ ...options, issuer: op.issuer, ...signingAlgorithms !== undefined && { signingAlgorithms }, ...pushed === true && { pushedAuthorizationRequests: true } })
  }
  return oauth2({
    ...options, issuer: op.issuer, authorizationEndpoint: op.url('authorize'), tokenEndpoint: op.url('token'), userinfoEndpoint: op.url('userinfo'),
    revocationEndpoint: op.url('revoke'), ...pushed === true && { pushedAuthorizationRequestEndpoint: op.url('par') }
  })
}
