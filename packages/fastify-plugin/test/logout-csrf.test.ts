import { launchChromium, typeIn } from '@consentry/testing'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { startServer } from './server.ts'

t.setTimeout(300_000)

t.test('T3: in a real browser a page of another site signs nobody out', async (t) => {
  const server = await startServer(t, { routes: (app) => {
    app.get('/account', { config: { auth: true } }, async (request, reply) => reply.type('text/html').send(`<!doctype html><title>Account</title>
<form method="post" action="/auth/logout"><input type="hidden" name="_csrf" value="${request.csrfToken()}"><button>Sign out</button></form>`))
  } })
  const { hostname } = new URL(server.url)
  t.equal(hostname, '127.0.0.1')
  const evil = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end(`<!doctype html><title>Evil</title><form method="post" action="${server.url}/auth/logout"><button>A prize</button></form>`)
  }).listen(0, '127.0.0.1')
  t.teardown(() => { evil.close() })
  await once(evil, 'listening')

  const browser = await launchChromium()
  t.teardown(() => browser.close())
  const context = await browser.newContext()
  const page = await context.newPage()
  const session = async (): Promise<string | undefined> => (await context.cookies(server.url)).find(({ name }) => name.endsWith('session'))?.value
  await page.goto(`${server.url}/account`)
  await typeIn(page, 'alice')
  await page.waitForURL(`${server.url}/account`)
  const before = await session()
  t.ok(before)

  await page.goto(`http://localhost:${(evil.address() as AddressInfo).port}/`)
  const [answer] = await Promise.all([page.waitForResponse(`${server.url}/auth/logout`), page.getByRole('button', { name: 'A prize' }).click()])
  t.equal((await answer.request().allHeaders())['cookie'], undefined, 'the cookie stays at home, so that nobody is known to ask')
  t.equal(answer.status(), 403)
  t.equal(await session(), before, 'and the browser was not told to forget it')
  await page.goto(`${server.url}/account`)
  t.equal(await page.title(), 'Account')

  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.waitForURL((url) => url.origin === server.op.issuer)
  t.equal(await session(), undefined, 'a page of our own does')
})
