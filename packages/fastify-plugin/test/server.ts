import { consent, createBrowser, createLogSink, freePort, signIn, startLocalProvider, type Browser, type LocalProvider, type LocalProviderOptions, type LogSink } from '@consentry/testing'
import { oidc } from '@consentry/providers'
import Fastify, { type FastifyInstance } from 'fastify'
import { once } from 'node:events'
import { get, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import type { Test } from 'tap'
import consentry, { type ConsentryOptions } from '../src/index.ts'

export const secret = 'a secret of the tests that is long enough'

export interface TestServer {
  app: FastifyInstance
  /** The `baseUrl`. */
  url: string
  op: LocalProvider
  log: LogSink
  /** A new browser, signed in when a name is given. */
  browser (username?: string): Promise<Browser>
}

export interface TestServerOptions {
  options?: Partial<ConsentryOptions>
  op?: LocalProviderOptions
  /** Others beside those of the local provider. */
  providers?: ConsentryOptions['providers']
  /** Whether the provider tells this application when people sign out; unless given it does. */
  backchannel?: boolean
  /** Adds routes before the server listens. */
  routes?: (app: FastifyInstance, op: LocalProvider) => void
}

/** The real plugin with real providers against a real OP, listening. */
export async function startServer (t: Test, { options = {}, op: opOptions = {}, backchannel = true, providers, routes }: TestServerOptions = {}): Promise<TestServer> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const client = (clientId: string, firstParty: boolean) => ({
    clientId,
    clientSecret: `secret-of-${clientId}`,
    firstParty,
    redirectUris: [`${url}/auth/callback/${clientId}`],
    postLogoutRedirectUris: [`${url}/`],
    ...(firstParty && backchannel && { backchannelLogoutUri: `${url}/auth/backchannel-logout/${clientId}` })
  })
  const op = await startLocalProvider({ issuerHost: 'localhost', clients: [client('corp', true), client('calendar', false), client('mail', false)], ...opOptions })
  t.teardown(() => op.close())
  const provider = (clientId: string, scopes: string[]) => oidc({
    issuer: op.issuer,
    clientId,
    clientSecret: `secret-of-${clientId}`,
    scopes,
    timeout: 1_000,
    allowInsecureLoopback: true
  })
  const log = createLogSink()
  const app = Fastify({ logger: { level: 'trace', stream: log } })
  t.teardown(() => app.close())
  await app.register(consentry, {
    baseUrl: url,
    secret,
    providers: {
      corp: provider('corp', ['openid', 'profile', 'email', 'groups']),
      calendar: provider('calendar', ['calendar.read']),
      mail: provider('mail', ['email']),
      ...providers
    },
    login: ['corp'],
    ...options
  })
  app.get('/', async (_request, reply) => reply.type('text/html').send('<!doctype html><title>Home</title><p>Home'))
  app.post('/report', { config: { auth: true } }, async (_request, reply) => reply.execution(async (execution) => {
    execution.progress({ step: 'started' })
    const grant = await execution.authorize('calendar', { scopes: ['calendar.read'] })
    const response = await grant.fetch(`${op.issuer}/calendar/events`)
    return { owner: execution.owner.userId, ...await response.json() as object }
  }))
  routes?.(app, op)
  await app.listen({ port, host: '127.0.0.1' })
  return {
    app,
    url,
    op,
    log,
    async browser (username) {
      const browser = createBrowser()
      if (username !== undefined) await signIn(await browser.open(`${url}/auth/login`), username)
      return browser
    }
  }
}

export interface Status {
  executionId: string
  status: string
  seq: number
  result?: { owner: string, events: unknown[] }
  error?: { code: string, message: string }
  pending?: Array<{ flowId: string, provider: string, profile: string, label: string, host: string, scopes: string[], connectUrl: string, expiresAt: string }>
}

const wantsCsrfToken = /^\/auth\/(logout|refresh|connections\/)/

/** What a script on a page of the application does, wherever the browser happens to be. */
export async function call (browser: Browser, server: Pick<TestServer, 'url'>, path: string, init: RequestInit = {}): Promise<{ status: number, headers: Headers, text: string, json: <T>() => T }> {
  const headers = new Headers(init.headers)
  headers.set('cookie', browser.cookieHeader(server.url))
  headers.set('sec-fetch-site', 'same-origin')
  if (init.method !== undefined && init.method !== 'GET') headers.set('origin', server.url)
  if (wantsCsrfToken.test(path) && init.method !== 'GET' && !headers.has('x-csrf-token')) {
    const { csrfToken } = await (await fetch(`${server.url}/auth/status`, { headers: { cookie: browser.cookieHeader(server.url) } })).json() as { csrfToken?: string }
    if (csrfToken !== undefined) headers.set('x-csrf-token', csrfToken)
  }
  const response = await fetch(new URL(path, server.url), { redirect: 'manual', ...init, headers })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, json: <T>() => JSON.parse(text) as T }
}

/** Starts a report and returns the status document that comes back. */
export async function startReport (browser: Browser, server: Pick<TestServer, 'url'>, path = '/report'): Promise<Status> {
  const answer = await call(browser, server, path, { method: 'POST' })
  if (answer.status !== 202) throw new Error(`expected 202, got ${answer.status}: ${answer.text}`)
  return answer.json<Status>()
}

/** Reads the status until `until` holds. */
export async function statusOf (browser: Browser, server: Pick<TestServer, 'url'>, executionId: string, until: (status: Status) => boolean = () => true): Promise<Status> {
  for (let tries = 0; ; tries++) {
    const status = (await call(browser, server, `/executions/${executionId}`)).json<Status>()
    if (until(status)) return status
    if (tries > 200) throw new Error(`the status stayed ${JSON.stringify(status)}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

export interface StreamedEvent {
  type: string
  executionId: string
  seq: number
  time: string
  data: Record<string, unknown>
}

/** Reads Server-Sent Events until one for which `until` holds, or their end. */
export async function readEvents (browser: Browser, server: TestServer, executionId: string, { after, until = () => false }: { after?: number, until?: (event: StreamedEvent) => boolean } = {}): Promise<{ status: number, headers: IncomingHttpHeaders, events: StreamedEvent[], text: string }> {
  const events: StreamedEvent[] = []
  const request = get(`${server.url}/executions/${executionId}/events`, {
    headers: { cookie: browser.cookieHeader(server.url), accept: 'text/event-stream', ...(after !== undefined && { 'last-event-id': String(after) }) }
  })
  const [response] = await once(request, 'response') as [IncomingMessage]
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) {
    text += String(chunk)
    const frames = text.split('\n\n').slice(0, -1).filter((frame) => frame.startsWith('id:'))
    for (const frame of frames.slice(events.length)) events.push(JSON.parse(/^data: (.*)$/m.exec(frame)?.[1] ?? '') as StreamedEvent)
    if (events.some(until)) break
  }
  request.destroy()
  return { status: response.statusCode ?? 0, headers: response.headers, events, text }
}

/** The question that a report waits for. */
export function pendingOf (status: Status): NonNullable<Status['pending']>[number] {
  const [question] = status.pending ?? []
  if (question === undefined) throw new Error(`nobody is asked: ${JSON.stringify(status)}`)
  return question
}

/** Opens the question and stops on the way back from the provider: the callback that the browser would load next. */
export async function answerUpToCallback (browser: Browser, server: TestServer, connectUrl: string, choice: 'allow' | 'deny' = 'allow'): Promise<string> {
  const stopAt = (url: URL): boolean => url.pathname.startsWith('/auth/callback/')
  const question = await browser.open(connectUrl)
  // The provider remembers what was allowed before, and sends the browser straight back.
  const page = await question.submit({}, { button: `Continue to ${new URL(server.op.issuer).host}`, stopAt })
  const stopped = page.next === undefined ? await consent(page, choice, { stopAt }) : page
  if (stopped.next === undefined) throw new Error(`no way back from ${stopped.url}`)
  return stopped.next
}

/** The stable code of a failure, from a problem document or a page. */
export function codeOf ({ text }: { text: string }): string | undefined {
  return /CONSENTRY_ERR_[A-Z_]+/.exec(text)?.[0]
}
