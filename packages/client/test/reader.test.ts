import t from 'tap'
import { createClient, type Question } from '../src/index.ts'
import { cuttingProxy } from './cutting-proxy.ts'
import { answer, asPage, brief, eventsOf, startServer, whole } from './server.ts'

t.setTimeout(300_000)

t.test('where neither WebSockets nor streams get through, questions and all events still do', async (t) => {
  const server = await startServer(t)
  const alice = await server.browser('alice')
  const proxy = await cuttingProxy(t, server.port, () => ({ hold: true, noUpgrade: true }))
  const client = createClient(asPage(server, alice, { baseUrl: proxy.url }))
  t.teardown(() => { client.close() })
  const states: string[] = []
  client.onConnection((state) => { states.push(state) })
  const asked = new Promise<Question>((resolve) => client.onOauthRequired(resolve))
  const handle = client.run('/run')
  await answer(server, alice, await asked)
  t.equal(await handle.result, 'done')
  t.same(brief(await eventsOf(handle)), whole)
  t.notOk(states.includes('open'))
})
