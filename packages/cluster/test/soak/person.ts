import type { Browser } from '@consentry/testing'
import { setTimeout as sleep } from 'node:timers/promises'
import { call, callbackOn, isOver, type Answer, type Node, type Nodes, type Status } from '../nodes.ts'
import type { Random } from './random.ts'

/** What people saw. */
export interface Diary {
  disconnects: number
  /** How often each end of a run. */
  ends: Record<string, number>
  /** What nobody may see, whatever breaks. */
  wrong: string[]
}

export interface PersonOptions {
  name: string
  all: Nodes
  /** The nodes that are there now. */
  nodes: readonly Node[]
  random: Random
  diary: Diary
}

/** How long a request may take, in milliseconds; a node that hangs is left for another. */
const patience = 8_000

/** Somebody who runs reports and answers questions, in all the ways people do, and tries again when something fails. */
export interface Person {
  /** One thing that people do. */
  act (): Promise<void>
  /** Waits for the end of every run, now that nothing is broken. */
  finish (): Promise<void>
  /** A report that must come about, with a consent if it is asked for. */
  report (): Promise<void>
}

export function createPerson ({ name, all, nodes, random, diary }: PersonOptions): Person {
  let browser: Browser | undefined
  /** Runs whose end was not seen. */
  const open = new Set<string>()

  const someNode = (): Node => random.pick(nodes)

  async function send (node: Node, path: string, init: RequestInit = {}): Promise<Answer> {
    const answer = await call(browser as Browser, all, node.url + path, { ...init, signal: AbortSignal.timeout(patience) })
    if (answer.status === 401) browser = undefined
    if (answer.status === 500 || /CONSENTRY_ERR_(INTERNAL|OWNER_MISMATCH|CROSS_ORIGIN)/.test(answer.text)) diary.wrong.push(`${name}: ${init.method ?? 'GET'} ${path.split('?')[0] ?? ''} answered ${answer.status} ${answer.text.slice(0, 200)}`)
    return answer
  }

  function see ({ executionId, status, error }: Status): void {
    if (!open.delete(executionId)) return
    const end = error?.code ?? status
    diary.ends[end] = (diary.ends[end] ?? 0) + 1
  }

  async function look (executionId: string): Promise<Status | undefined> {
    const answer = await send(someNode(), `/executions/${executionId}`)
    // Forgotten by Redis, or over for longer than it is kept.
    if (answer.status === 404) open.delete(executionId)
    if (answer.status !== 200) return undefined
    const status = answer.json<Status>()
    if (isOver(status)) see(status)
    return status
  }

  async function start (path: string): Promise<Status | undefined> {
    const answer = await send(someNode(), path, { method: 'POST', ...(path === '/tick' && { headers: { prefer: 'respond-async' } }) })
    if (answer.status === 200) diary.ends['completed'] = (diary.ends['completed'] ?? 0) + 1
    if (answer.status !== 202) return undefined
    const started = answer.json<Status>()
    open.add(started.executionId)
    return started
  }

  async function callbacks (question: Status, times: number): Promise<void> {
    const node = someNode()
    const callback = new URL(await callbackOn(node, browser as Browser, all, question))
    await Promise.all(Array.from({ length: times }, () => send(someNode(), callback.pathname + callback.search)))
    // A reload, later.
    if (random.next() < 0.2) await send(someNode(), callback.pathname + callback.search)
  }

  const answers = {
    consent: (question: Status) => callbacks(question, 1),
    doubleClick: (question: Status) => callbacks(question, random.between(2, 4)),
    deny: async (question: Status) => {
      const callback = new URL(await callbackOn(someNode(), browser as Browser, all, question, 'deny'))
      await send(someNode(), callback.pathname + callback.search)
    },
    abandon: async () => {},
    cancel: async ({ executionId }: Status) => { await send(someNode(), `/executions/${executionId}/cancel`, { method: 'POST' }) },
    disconnectMeanwhile: async (question: Status) => {
      await Promise.allSettled([callbacks(question, 1), sleep(random.between(0, 100)).then(disconnect)])
    }
  }

  async function disconnect (): Promise<void> {
    const status = await send(someNode(), '/auth/status')
    const { csrfToken } = status.json<{ csrfToken?: string }>()
    if (csrfToken === undefined) return
    const answer = await send(someNode(), '/auth/connections/calendar', { method: 'DELETE', headers: { 'x-csrf-token': csrfToken } })
    if (answer.status === 200) diary.disconnects++
  }

  const weighted = ['consent', 'consent', 'consent', 'consent', 'doubleClick', 'doubleClick', 'deny', 'abandon', 'cancel', 'disconnectMeanwhile'] as const

  async function runReport (): Promise<void> {
    const question = await start('/report')
    if (question?.pending === undefined) return
    await answers[random.pick(weighted)](question)
    await look(question.executionId)
  }

  const deeds = [
    runReport, runReport, runReport, runReport,
    disconnect, disconnect,
    async () => { await Promise.all([runReport(), runReport(), runReport()]) },
    async () => {
      const started = await start('/tick')
      await sleep(random.between(0, 300))
      if (started !== undefined) await answers.cancel(started)
    },
    async () => { for (const id of open) await look(id) }
  ]

  async function signIn (): Promise<void> {
    browser ??= await all.browser(name, someNode())
  }

  return {
    async act () {
      try {
        await signIn()
        await random.pick(deeds)()
      } catch {
        // A connection that broke, or a page that was not the one: people try again.
      }
      await sleep(random.between(10, 300))
    },

    async finish () {
      const until = Date.now() + 90_000
      while (open.size > 0 && Date.now() < until) {
        await signIn()
        for (const executionId of open) await look(executionId)
        await sleep(250)
      }
      for (const id of open) diary.wrong.push(`${name}: run ${id} does not end`)
    },

    async report () {
      // Whoever took their consent back, or was signed out in between, begins with a fresh page.
      browser = undefined
      await signIn()
      const started = await start('/report')
      if (started === undefined) return
      if (started.pending !== undefined) await callbacks(started, 1)
      for (let status = await look(started.executionId); status !== undefined && !isOver(status); status = await look(started.executionId)) await sleep(50)
      if (open.has(started.executionId)) diary.wrong.push(`${name}: the last report did not come about`)
    }
  }
}
