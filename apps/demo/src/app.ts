import consentry from '@consentry/fastify-plugin'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import { activity, createActivity } from './activity.ts'
import type { Config } from './config.ts'
import { page } from './page.ts'
import { providers } from './providers.ts'
import { runs } from './runs.ts'
import { stores } from './stores.ts'

/** The demo as a Fastify application that does not listen yet. */
export async function buildApp (config: Config): Promise<FastifyInstance> {
  const { baseUrl, origin, secret, calendar, weather, flowLifetime } = config
  const app = Fastify({ logger: { level: 'warn' } })
  const happened = createActivity()

  await app.register(consentry, {
    baseUrl,
    secret,
    flowLifetime,
    allowedOrigins: [origin],
    ...await stores(app, config),
    providers: providers(config),
    login: ['corp'],
    audit: happened.audit
  })
  await app.register(page, { baseUrl: origin })
  await app.register(runs, { eventsUrl: calendar.eventsUrl, weekUrl: `${weather.url}/v1/week` })
  await app.register(activity, { activity: happened })

  // What the page calls them, also where nothing is asked.
  app.get('/providers', { config: { auth: false } }, async () => ({
    providers: Object.fromEntries(Object.entries(app.consentry.providers).map(([name, { label, host, kind }]) => [name, { label, host, kind }])),
    login: 'corp',
    baseUrl,
    people: config.localSignIn ? ['alice', 'bob'] : []
  }))

  return app
}
