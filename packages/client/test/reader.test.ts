import t from 'tap'
import { createClient, type Question } from '../src/index.ts'
import { cuttingProxy } from './cutting-proxy.ts'
import { document, event, hostileServer, json, stream } from './hostile-server.ts'
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

t.test('R5: a server that lost events ends the run with a number that came here before: the handle ends all the same', async (t) => {
  const said = [event(1, 'running', {}), event(2, 'progress', 'a'), event(3, 'progress', 'b')]
  let streams = 0
  const server = await hostileServer(t, { http: ({ url = '' }, response) => {
    if (!url.endsWith('/events')) json(response, 200, streams === 0 ? document('running', 3) : document('failed', 2, { error: { code: 'CONSENTRY_ERR_NODE_LOST', message: '' } }))
    else if (streams++ === 0) stream(response, said)
    else response.writeHead(204).end()
  } })
  const handle = server.client({ WebSocket: false }).follow('x')
  t.same(brief(await eventsOf(handle)), ['1 running', '2 progress', '3 progress', '4 failed'])
  await t.rejects(handle.result, { code: 'CONSENTRY_ERR_NODE_LOST' })
})
