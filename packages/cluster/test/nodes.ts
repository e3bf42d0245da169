import { consent, createBrowser, freePort, signIn, startLocalProvider, startRedis, startRedisCluster, type Browser, type LocalProvider, type RedisServer } from '@consentry/testing'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { WebSocket } from 'ws'
import type { NodeConfig, NodeMessage } from './fixtures/node.ts'

/** Seconds. Long enough for a busy machine, short enough for a test. */
export const lease = 3

/** A process of the application. */
export interface Node {
  url: string
  messages: NodeMessage[]
  /** Stops it where it is (SIGSTOP). */
  pause (): void
  resume (): void
  /** Ends it at once (SIGKILL). */
  kill (): Promise<void>
  /** Asks it to close (SIGTERM). */
  close (): Promise<void>
}

/** What several nodes have in common. */
export interface Nodes {
  /** One server, or those of a cluster. */
  redis: readonly RedisServer[]
  op: LocalProvider
  /** The first one's is the `baseUrl`. */
  nodes: Node[]
  start (options?: Partial<NodeConfig>): Promise<Node>
  /** A browser of this person, signed in. */
  browser (username: string): Promise<Browser>
}

/** As many processes as asked for, one Redis, one provider. */
export async function startNodes (t: Test, count: number, { clustered = false }: { clustered?: boolean } = {}): Promise<Nodes> {
  const ports = await Promise.all(Array.from({ length: count }, freePort))
  const baseUrl = `http://127.0.0.1:${ports[0] ?? 0}`
  const client = (clientId: string, firstParty: boolean) => ({ clientId, clientSecret: `secret-of-${clientId}`, firstParty, redirectUris: [`${baseUrl}/auth/callback/${clientId}`] })
  const people = Array.from({ length: 20 }, (_, index) => ({ username: `user${index}` }))
  const op = await startLocalProvider({ issuerHost: 'localhost', clients: [client('corp', true), client('calendar', false)], accounts: people })
  t.teardown(() => op.close())
  const redis = clustered ? (await startRedisCluster()).nodes : [await startRedis()]
  t.teardown(() => Promise.all(redis.map((server) => server.close())))

  async function start (options: Partial<NodeConfig> = {}): Promise<Node> {
    const config: NodeConfig = { port: await freePort(), baseUrl, issuer: op.issuer, redis: redis.map((server) => server.port), lease, exchange: 0, ...options }
    // Without the loaders that the test runner gives to its children.
    const child = fork(fileURLToPath(new URL('fixtures/node.js', import.meta.url)), [JSON.stringify(config)], { env: { ...process.env, NODE_OPTIONS: '' }, execArgv: [] })
    const exited = once(child, 'exit')
    const messages: NodeMessage[] = []
    const end = async (signal: NodeJS.Signals): Promise<void> => {
      child.kill(signal)
      await exited
    }
    t.teardown(() => end('SIGKILL'))
    child.on('message', (message) => { messages.push(message as NodeMessage) })
    await Promise.race([once(child, 'message'), exited.then(() => { throw new Error('the node does not start') })])
    return {
      url: `http://127.0.0.1:${config.port}`,
      messages,
      pause: () => { child.kill('SIGSTOP') },
      resume: () => { child.kill('SIGCONT') },
      kill: () => end('SIGKILL'),
      close: () => end('SIGTERM')
    }
  }

  return {
    redis,
    op,
    nodes: await Promise.all(ports.map((port) => start({ port }))),
    start,
    async browser (username) {
      const browser = createBrowser()
      await signIn(await browser.open(`${baseUrl}/auth/login`), username)
      return browser
    }
  }
}

export interface Answer {
  status: number
  headers: Headers
  text: string
  json: <T>() => T
}

/** What a script on a page of the application does, on whichever node it lands. Cookies know no ports. */
export async function call (browser: Browser, { nodes: [first] }: Nodes, url: string, init: RequestInit = {}): Promise<Answer> {
  const headers = new Headers(init.headers)
  headers.set('cookie', browser.cookieHeader(url))
  headers.set('sec-fetch-site', 'same-origin')
  if (init.method === 'POST') headers.set('origin', first?.url ?? '')
  const response = await fetch(url, { redirect: 'manual', ...init, headers })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, json: <T>() => JSON.parse(text) as T }
}

export interface Status {
  executionId: string
  status: string
  seq: number
  error?: { code: string }
  pending?: Array<{ connectUrl: string }>
}

/** Starts a run on this node; it goes on after the answer. */
export async function startOn (node: Node, browser: Browser, nodes: Nodes, path = '/report'): Promise<Status> {
  const answer = await call(browser, nodes, `${node.url}${path}`, { method: 'POST', ...(path === '/tick' && { headers: { prefer: 'respond-async' } }) })
  if (answer.status !== 202) throw new Error(`expected 202, got ${answer.status}: ${answer.text}`)
  return answer.json<Status>()
}

/** Asks this node until `until` holds. */
export async function statusOn (node: Node, browser: Browser, nodes: Nodes, { executionId }: Status, until: (status: Status) => boolean = () => true): Promise<Status> {
  for (;;) {
    const status = (await call(browser, nodes, `${node.url}/executions/${executionId}`)).json<Status>()
    if (until(status)) return status
    await sleep(20)
  }
}

export const isOver = ({ status }: Status): boolean => status === 'completed' || status === 'failed' || status === 'cancelled'

/** Answers the question with yes, up to the way back: the callback, on this node. */
export async function callbackOn (node: Node, browser: Browser, { op }: Nodes, { pending: [question] = [] }: Status): Promise<string> {
  const stopAt = (url: URL): boolean => url.pathname.startsWith('/auth/callback/')
  const asked = new URL(question?.connectUrl ?? '')
  const page = await browser.open(new URL(asked.pathname, node.url))
  const answered = await page.submit({}, { button: `Continue to ${new URL(op.issuer).host}`, stopAt })
  const { next } = answered.next === undefined ? await consent(answered, 'allow', { stopAt }) : answered
  if (next === undefined) throw new Error('no way back')
  const back = new URL(next)
  return new URL(back.pathname + back.search, node.url).href
}

export interface StreamedEvent {
  type: string
  executionId: string
  seq: number
  data: { code?: string, node?: number }
}

export interface Socket {
  events: StreamedEvent[]
  closed: Promise<number>
  until (found: (event: StreamedEvent) => boolean): Promise<StreamedEvent>
  close (): void
}

/** A WebSocket at this node. */
export async function socketOn (node: Node, browser: Browser, { nodes: [first] }: Nodes): Promise<Socket> {
  const socket = new WebSocket(`${node.url.replace('http', 'ws')}/executions/ws`, { headers: { cookie: browser.cookieHeader(node.url), origin: first?.url ?? '' } })
  const events: StreamedEvent[] = []
  const closed = once(socket, 'close').then(([code]) => code as number)
  closed.catch(() => {})
  socket.on('message', (data: Buffer) => {
    const { event } = JSON.parse(data.toString()) as { event?: StreamedEvent }
    if (event !== undefined) events.push(event)
  })
  await once(socket, 'open')
  return {
    events,
    closed,
    async until (found) {
      for (;;) {
        const event = events.find(found)
        if (event !== undefined) return event
        await sleep(10)
      }
    },
    close: () => socket.terminate()
  }
}

/** Of an execution, in the order in which they came. */
export function typesOf ({ events }: Socket, { executionId }: Status): string[] {
  return events.filter((event) => event.executionId === executionId).map(({ type }) => type)
}
