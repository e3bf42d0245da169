import { consent } from '@consentry/testing'
import t from 'tap'
import { startReport, startServer, statusOf } from './server.ts'

t.test('an execution stops for consent and goes on', async (t) => {
  const server = await startServer(t)
  const browser = await server.browser('alice')
  t.equal(browser.page?.url, `${server.url}/`, 'back where the login was asked for')

  const me = (await browser.fetch(`${server.url}/auth/userinfo`)).json() as { userId: string, groups: string[], source: string, verified: boolean }
  t.match(me, { source: 'session', verified: true, groups: ['staff', 'admins'] })

  const started = await startReport(browser, server)
  t.match(started, { status: 'oauth_required', seq: 3, pending: [{ provider: 'calendar', profile: 'default', scopes: ['calendar.read'] }] })
  const { connectUrl } = started.pending?.[0] ?? { connectUrl: '' }
  t.ok(connectUrl.startsWith(`${server.url}/auth/connect/`), 'on our own origin')

  // From a link elsewhere: asked first.
  const question = await browser.open(connectUrl)
  t.equal(question.status, 200)
  t.match(question.text, /calendar\.read/)
  t.match(question.text, started.executionId)
  const answered = await consent(await question.submit({}, { button: `Continue to ${new URL(server.op.issuer).host}` }), 'allow')
  t.equal(answered.url, connectUrl, 'the code is out of the address bar')
  t.equal(answered.title, 'Connected')

  const ended = await statusOf(browser, server, started.executionId, ({ status }) => status === 'completed')
  t.equal(ended.result?.owner, me.userId)
  t.ok((ended.result?.events.length ?? 0) > 0)
  t.equal(ended.pending, undefined)

  const again = await browser.fetch(`${server.url}/report`, { method: 'POST' })
  t.equal(again.status, 200, 'a stored grant needs nobody')
  t.same(again.json(), ended.result)

  const connections = (await browser.fetch(`${server.url}/auth/connections`)).json()
  t.match(connections, { connections: [{ provider: 'calendar', profile: 'default', scopes: ['openid', 'calendar.read'], status: 'active' }] })
  const { csrfToken } = (await browser.fetch(`${server.url}/auth/status`)).json() as { csrfToken: string }
  const disconnected = await browser.fetch(`${server.url}/auth/connections/calendar`, { method: 'DELETE', headers: { 'x-csrf-token': csrfToken } })
  t.same(disconnected.json(), { provider: 'calendar', profile: 'default', disconnected: true, revoked: true })
  t.same((await browser.fetch(`${server.url}/auth/connections`)).json(), { connections: [] })
  t.same(server.op.ledger.errors, [])
})
