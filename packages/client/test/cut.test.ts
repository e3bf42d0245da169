import t from 'tap'
import { createClient, type Client, type RunHandle } from '../src/index.ts'
import { cuttingProxy, type Fate } from './cutting-proxy.ts'
import { answer, asPage, brief, eventsOf, startServer, whole, type TestServer } from './server.ts'
import type { Browser } from '@consentry/testing'
import type { Test } from 'tap'

t.setTimeout(240_000)

/** Clients one after the other, a few at a time. */
const atOnce = 25

const ways: Record<string, { fate: Fate, options: object }> = {
  WebSocket: { fate: {}, options: {} },
  'Server-Sent Events': { fate: {}, options: { WebSocket: false } },
  polling: { fate: { hold: true }, options: { WebSocket: false, pollInterval: 10 } }
}

async function follower (t: Test, server: TestServer, browser: Browser, options: object, fateOf: (connection: number) => Fate): Promise<{ client: Client, cuts: () => number }> {
  const proxy = await cuttingProxy(t, server.port, fateOf)
  const client = createClient({ ...asPage(server, browser, { baseUrl: proxy.url }), ...options })
  t.teardown(() => { client.close() })
  return { client, cuts: () => proxy.cuts }
}

for (const [way, { fate, options }] of Object.entries(ways)) {
  t.test(`R10 ${way}, every connection cut after every event: each event once and in order`, async (t) => {
    const server = await startServer(t)
    const alice = await server.browser('alice')
    const starter = createClient(asPage(server, alice, { WebSocket: false }))
    t.teardown(() => { starter.close() })
    const started = starter.run('/run')
    const executionId = await started.executionId ?? ''
    const handles: Array<{ handle: RunHandle, cuts: () => number, events: Promise<string[]> }> = []
    // Cut when the second, third, … event on a connection begins; and once only, after each number of events.
    for (let events = 1; events <= whole.length; events++) {
      for (const again of [true, false]) {
        const { client, cuts } = await follower(t, server, alice, options, (connection) => again || connection < 2 ? { ...fate, events } : fate)
        const handle = client.follow(executionId)
        handles.push({ handle, cuts, events: eventsOf(handle).then(brief) })
      }
    }
    const asked = await new Promise<{ flowId: string }>((resolve) => starter.onOauthRequired(resolve))
    await answer(server, alice, asked)
    t.equal(await started.result, 'done')
    for (const { handle, events } of handles) {
      t.same(await events, whole)
      t.equal(await handle.result, 'done')
    }
    t.ok(handles.some(({ cuts }) => cuts() > 0), `cut ${handles.reduce((sum, { cuts }) => sum + cuts(), 0)} times`)
  })

  t.test(`R10 ${way}, cut at every seventh byte: each event once and in order`, async (t) => {
    const server = await startServer(t)
    const alice = await server.browser('alice')
    const starter = createClient(asPage(server, alice, { WebSocket: false }))
    t.teardown(() => { starter.close() })
    const started = starter.run('/run')
    starter.onOauthRequired((question) => { void answer(server, alice, question) })
    await started.result
    const executionId = await started.executionId ?? ''
    let longest = 0
    let at = 0
    const next = async (): Promise<void> => {
      for (let bytes = at += 7; ; bytes = at += 7) {
        const { client, cuts } = await follower(t, server, alice, options, (connection) => connection < 4 ? { ...fate, bytes } : fate)
        const handle = client.follow(executionId)
        const events = brief(await eventsOf(handle))
        client.close()
        if (events.join() !== whole.join()) t.same(events, whole, `cut after ${bytes} bytes`)
        // Beyond all there is to cut.
        if (cuts() === 0) return
        longest = Math.max(longest, bytes)
      }
    }
    await Promise.all(Array.from({ length: atOnce }, next))
    t.ok(longest > 1000, `the last cut was after ${longest} bytes`)
  })
}
