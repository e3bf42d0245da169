import consentry, { createApiKey, type ConsentryOptions, type Execution } from '@consentry/fastify-plugin'
import { oidc } from '@consentry/providers'
import { consent, createBrowser, freePort, signIn, startLocalProvider, type Browser } from '@consentry/testing'
import Fastify, { type FastifyInstance } from 'fastify'
import { setTimeout as delay } from 'node:timers/promises'
import type { Test } from 'tap'
import { WebSocket } from 'ws'
import type { ClientOptions, Question, RunEvent, RunHandle, WebSocketConstructor } from '../src/index.ts'

const secret = 'a secret of the tests that is long enough'
const { key, hash } = createApiKey(secret, 'ck_')
export const apiKey: string = key

export interface TestServer {
  app: FastifyInstance
  port: number
  url: string
  /** Where the calendar asks. */
  askingHost: string
  /** A new browser, signed in. */
  browser (username: string): Promise<Browser>
}

export interface TestServerOptions {
  options?: Partial<ConsentryOptions>
  /** What a run of `POST /run` does. */
  run?: (execution: Execution, body: unknown) => unknown
  /** Listens here rather than on a free port. */
  port?: number
  /** Files, by their path: type and text. */
  page?: Record<string, [string, string]>
  /** Their Content Security Policy. */
  policy?: string
  /** What the calendar is called. */
  label?: string
}

/** Three steps, a question, three more, and an end. */
async function steps (execution: Execution): Promise<unknown> {
  for (let step = 1; step <= 3; step++) execution.progress({ step })
  await execution.authorize('calendar', { scopes: ['calendar.read'] })
  for (let step = 4; step <= 6; step++) {
    execution.progress({ step })
    await delay(5)
  }
  return 'done'
}

/** The real plugin with real providers against a real OP, listening. */
export async function startServer (t: Test, { options = {}, run = steps, port: given, page = {}, policy = '', label = 'Calendar' }: TestServerOptions = {}): Promise<TestServer> {
  const port = given ?? await freePort()
  const url = `http://127.0.0.1:${port}`
  const clients = ['corp', 'calendar'].map((clientId) => ({ clientId, clientSecret: `secret-of-${clientId}`, redirectUris: [`${url}/auth/callback/${clientId}`], firstParty: clientId === 'corp' }))
  const op = await startLocalProvider({ issuerHost: 'localhost', clients })
  t.teardown(() => op.close())
  const provider = (clientId: string, label: string, scopes: string[]) => oidc({ issuer: op.issuer, clientId, clientSecret: `secret-of-${clientId}`, label, scopes, allowInsecureLoopback: true })
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(consentry, {
    baseUrl: url,
    secret,
    providers: { corp: provider('corp', 'Corp ID', ['openid', 'profile', 'email']), calendar: provider('calendar', label, ['calendar.read']) },
    login: ['corp'],
    identity: { apiKey: { secret, find: (found) => found === hash ? { id: 'robot' } : undefined } },
    ...options
  })
  app.get('/', async (_request, reply) => reply.type('text/html').send('<!doctype html><title>Home</title><p>Home'))
  for (const [path, [type, text]] of Object.entries(page)) app.get(path, async (_request, reply) => reply.type(type).header('content-security-policy', policy).send(text))
  app.post('/plain', async (request) => ({ said: request.body }))
  app.post('/run', { config: { auth: true } }, async (request, reply) => reply.execution((execution) => run(execution, request.body)))
  await app.listen({ port, host: '127.0.0.1' })
  return {
    app,
    port,
    url,
    askingHost: new URL(op.issuer).host,
    async browser (username) {
      const browser = createBrowser()
      await signIn(await browser.open(`${url}/auth/login`), username)
      return browser
    }
  }
}

/** The options of a client in the place of a page: cookies go where a browser would send them. */
export function asPage (server: TestServer, browser: Browser, { baseUrl = server.url, ...rest }: ClientOptions = {}): ClientOptions {
  const cookie = browser.cookieHeader(server.url)
  return {
    baseUrl,
    headers: { cookie },
    WebSocket: socketWith({ cookie, origin: server.url }),
    backoff: { first: 4, longest: 50 },
    pollInterval: 40,
    ...rest
  }
}

export function socketWith (headers: Record<string, string>): WebSocketConstructor {
  return class extends WebSocket {
    constructor (url: string) { super(url, { headers }) }
  }
}

/** What the person does in the window of the question. */
export async function answer (server: TestServer, browser: Browser, { flowId }: Pick<Question, 'flowId'>, choice: 'allow' | 'deny' = 'allow'): Promise<void> {
  const page = await browser.open(`${server.url}/auth/connect/${flowId}`)
  const next = await page.submit({}, { button: choice === 'allow' ? /Continue/.exec(page.text) === null ? '' : `Continue to ${/Continue to ([^<]+)/.exec(page.text)?.[1] ?? ''}` : 'Decline' })
  if (choice === 'allow' && next.text.includes('Allow')) await consent(next, 'allow')
}

export async function eventsOf (handle: RunHandle): Promise<RunEvent[]> {
  const events: RunEvent[] = []
  for await (const event of handle) events.push(event)
  return events
}

/** Events in short: their number and type. */
export const brief = (events: readonly RunEvent[]): string[] => events.map((event) => event.type === 'missed' ? `${event.from}-${event.to} missed` : `${event.seq} ${event.type}`)

export const whole: string[] = ['1 running', '2 progress', '3 progress', '4 progress', '5 oauth_required', '6 oauth_resolved', '7 progress', '8 progress', '9 progress', '10 completed']
