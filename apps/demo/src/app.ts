import { redisState } from '@consentry/cluster'
import consentry, { type ConsentryOptions } from '@consentry/fastify-plugin'
import { oidc } from '@consentry/providers'
import { redisTokens } from '@consentry/token-stores'
import fastifyRedis from '@fastify/redis'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import { isLoopback, type Config, type Registration } from './config.ts'
import { page } from './page.ts'
import { writeReport } from './report.ts'

/** The demo as a Fastify application that does not listen yet. */
export async function buildApp (config: Config): Promise<FastifyInstance> {
  const { baseUrl, origin, secret, corp, calendar, flowLifetime } = config
  const app = Fastify({ logger: { level: 'warn' } })

  await app.register(consentry, {
    baseUrl,
    secret,
    flowLifetime,
    allowedOrigins: [origin],
    ...await stores(app, config),
    providers: {
      corp: oidc({ ...client(corp), scopes: corp.scopes, ...(corp.label !== undefined && { label: corp.label }) }),
      calendar: oidc({ ...client(calendar), scopes: ['calendar.read'], label: 'Corp Calendar' })
    },
    login: ['corp']
  })
  await app.register(page, { baseUrl: origin })

  app.post('/report', { config: { auth: true } }, async (_request, reply) =>
    reply.execution(async (execution) => writeReport(execution, calendar.eventsUrl)))

  // The page tells people where they will be asked; events do not say.
  app.get('/providers', { config: { auth: false } }, async () => ({
    providers: Object.fromEntries(Object.entries(app.consentry.providers).map(([name, { label, host }]) => [name, { label, host }])),
    login: 'corp',
    people: corp.issuer === calendar.issuer ? ['alice', 'bob'] : []
  }))

  return app
}

/** Where processes share what they know; without a Redis each keeps it to itself. */
async function stores (app: FastifyInstance, { shared }: Config): Promise<Pick<ConsentryOptions, 'stateStore' | 'tokenStore'>> {
  if (shared === undefined) return {}
  const { redisUrl, prefix, grantsKey } = shared
  await app.register(fastifyRedis, { url: redisUrl })
  return {
    stateStore: redisState(app.redis, { prefix }),
    tokenStore: redisTokens(app.redis, { prefix, encryption: { keys: [{ id: 'demo', key: grantsKey }] } })
  }
}

function client ({ issuer, clientId, clientSecret }: Registration): Parameters<typeof oidc>[0] {
  return { issuer, clientId, ...(clientSecret !== undefined && { clientSecret }), allowInsecureLoopback: isLoopback(new URL(issuer).hostname) }
}
