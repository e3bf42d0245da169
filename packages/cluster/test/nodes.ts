import { consent, createBrowser, freePort, signIn, startLocalProvider, startProxy, type Browser, type LocalProvider, type Proxy } from '@consentry/testing'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { WebSocket } from 'ws'
import type { NodeConfig, NodeMessage, NodeOrder, Usage } from './fixtures/node.ts'

/** Seconds. Long enough for a busy machine, short enough for a test. */
export const lease = 3

/** A process of the application. */
export interface Node {
  url: string
  messages: NodeMessage[]
  /** Waits until it has said this, once more than `heard` times. */
  says (type: NodeMessage['type'], heard?: number): Promise<NodeMessage>
  tell (order: NodeOrder): void
  /** What it holds now. */
  usage (): Promise<Usage>
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
  op: LocalProvider
  /** Of the provider that they ask. */
  issuer: string
  /** The way on which nodes ask it. Browsers have another. */
  toProvider: Proxy
  /** The subject of each user who has signed in. */
  people: Map<string, string>
  /** The first one's is the `baseUrl`. */
  nodes: Node[]
  start (options?: Partial<NodeConfig>): Promise<Node>
  /** A browser of this person, signed in; the answer comes back to this node, or to the first. */
  browser (username: string, node?: Node): Promise<Browser>
}

/** Settings of all nodes, and of what they share. */
export interface NodesOptions extends Partial<Omit<NodeConfig, 'port' | 'baseUrl' | 'redis' | 'toProvider'>> {
  /** Ports of Redis. None: each node has a memory of its own. */
  redis: readonly number[]
  /** Of the calendar, in seconds. */
  accessTokenTtl?: number
}

/** As many processes as asked for, and one provider; they ask another one when `issuer` is given. */
export async function startNodes (t: Pick<Test, 'teardown'>, count: number, { accessTokenTtl, ...settings }: NodesOptions): Promise<Nodes> {
  const ports = await Promise.all(Array.from({ length: count }, freePort))
  const baseUrl = `http://127.0.0.1:${ports[0] ?? 0}`
  const client = (clientId: string, firstParty: boolean) => ({ clientId, clientSecret: `secret-of-${clientId}`, firstParty, redirectUris: [`${baseUrl}/auth/callback/${clientId}`] })
  const accounts = Array.from({ length: 20 }, (_, index) => ({ username: `user${index}` }))
  const op = await startLocalProvider({ issuerHost: 'localhost', clients: [client('corp', true), { ...client('calendar', false), ...accessTokenTtl !== undefined && { accessTokenTtl } }], accounts })
  t.teardown(() => op.close())
  const { issuer = op.issuer } = settings
  const toProvider = await startProxy(Number(new URL(issuer).port))
  t.teardown(() => toProvider.close())

  async function start (options: Partial<NodeConfig> = {}): Promise<Node> {
    const config: NodeConfig = {
      port: await freePort(), baseUrl, issuer, toProvider: toProvider.port, lease, lockLease: 2_000, timeout: 1_000, providerTimeout: 5_000, exchange: 0, clockOff: 0, flowLifetime: 600, refreshBuffer: 60, executions: {}, ...settings, ...options
    }
    // Without the loaders that the test runner gives to its children.
    const child = fork(fileURLToPath(new URL('fixtures/node.js', import.meta.url)), [JSON.stringify(config)], { env: { ...process.env, NODE_OPTIONS: '' }, execArgv: ['--expose-gc'] })
    const exited = once(child, 'exit')
    const messages: NodeMessage[] = []
    const tell = (order: NodeOrder): void => { child.send(order) }
    const says = async (type: NodeMessage['type'], heard = 0): Promise<NodeMessage> => {
      for (;;) {
        const message = messages.filter((each) => each.type === type)[heard]
        if (message !== undefined) return message
        await sleep(10)
      }
    }
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
      says,
      tell,
      async usage () {
        const heard = messages.filter(({ type }) => type === 'usage').length
        tell({ type: 'usage' })
        const { usage } = await says('usage', heard) as { usage: Usage }
        return usage
      },
      pause: () => { child.kill('SIGSTOP') },
      resume: () => { child.kill('SIGCONT') },
      kill: () => end('SIGKILL'),
      close: () => end('SIGTERM')
    }
  }

  const people = new Map<string, string>()
  return {
    op,
    issuer,
    toProvider,
    people,
    nodes: await Promise.all(ports.map((port) => start({ port }))),
    start,
    async browser (username, node) {
      const browser = createBrowser()
      const stopAt = (url: URL): boolean => node !== undefined && url.pathname.startsWith('/auth/callback/')
      const page = await browser.open(`${node?.url ?? baseUrl}/auth/login`, { stopAt })
      // Another provider signs in whoever it likes.
      const { next } = issuer === op.issuer ? await signIn(page, username, { stopAt }) : page
      if (node !== undefined && next !== undefined) await browser.open(next.replace(baseUrl, node.url))
      const userInfo = await browser.fetch('/auth/userinfo')
      if (userInfo.status !== 200) throw new Error(`not signed in: ${userInfo.status}`)
      const { userId, subject } = userInfo.json() as { userId: string, subject: string }
      people.set(userId, subject)
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
  if (init.method !== undefined && init.method !== 'GET') headers.set('origin', first?.url ?? '')
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

/** What a run that needs nobody answers with. */
export interface Report {
  scopes: string[]
  /** Of the access token. */
  token: string
}

/** Answers the question, up to the way back: the callback, on this node. */
export async function callbackOn (node: Node, browser: Browser, { issuer }: Nodes, { pending: [question] = [] }: Status, decision: 'allow' | 'deny' = 'allow'): Promise<string> {
  const stopAt = (url: URL): boolean => url.pathname.startsWith('/auth/callback/')
  const asked = new URL(question?.connectUrl ?? '')
  const page = await browser.open(new URL(asked.pathname, node.url))
  const answered = await page.submit({}, { button: `Continue to ${new URL(issuer).host}`, stopAt })
  const { next } = answered.next === undefined ? await consent(answered, decision, { stopAt }) : answered
  if (next === undefined) throw new Error('no way back')
  const back = new URL(next)
  return new URL(back.pathname + back.search, node.url).href
}

/** Consents once, so that the next run needs nobody. */
export async function connectOn (node: Node, browser: Browser, nodes: Nodes): Promise<void> {
  const started = await startOn(node, browser, nodes)
  const answer = await call(browser, nodes, await callbackOn(node, browser, nodes, started))
  if (answer.status !== 303) throw new Error(`expected 303, got ${answer.status}: ${answer.text}`)
  await statusOn(node, browser, nodes, started, isOver)
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
