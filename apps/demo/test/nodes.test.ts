import { createBrowser, freePort, launchChromium, signIn, startRedis, typeIn, type Chromium } from '@consentry/testing'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { runDemo, startDemo, until, type Demo } from './demo.ts'

// A lease is longer than a test may take otherwise.
t.setTimeout(300_000)

const redis = await startRedis()
t.teardown(() => redis.close())
const shared = { REDIS_URL: redis.url, CONSENTRY_SECRET: 'a secret of the tests that is long enough' }

/** The second joins the first, which answers come back to. */
async function startTwo (t: Test): Promise<[Demo, Demo]> {
  const first = await startDemo(shared)
  t.teardown(() => first.stop())
  const second = await startDemo({ ...shared, BASE_URL: first.url, IDP_PORT: String(first.idpPort), CALENDAR_PORT: String(first.calendarPort), WEATHER_PORT: String(first.weatherPort) })
  t.teardown(() => second.stop())
  return [first, second]
}

/** A browser of one person. */
async function browserContext (t: Test): Promise<Awaited<ReturnType<Chromium['newContext']>>> {
  const chromium = await launchChromium()
  t.teardown(() => chromium.close())
  const context = await chromium.newContext({ locale: 'en-GB', timezoneId: 'UTC' })
  context.setDefaultTimeout(20_000)
  return context
}

t.test('in Chromium: signed in on one port, consented through the other, and the page of the first shows the report', async (t) => {
  const [first, second] = await startTwo(t)
  const context = await browserContext(t)
  const page = await context.newPage()
  await page.goto(first.url)
  await page.getByRole('link', { name: 'Sign in' }).click()
  await typeIn(page, 'alice')
  const [started] = await Promise.all([page.waitForResponse(`${first.url}/report`), page.getByRole('button', { name: 'Write my report' }).click()])
  t.equal(started.status(), 202)
  const link = await page.getByRole('link', { name: 'Give consent' }).getAttribute('href') ?? ''
  const elsewhere = await context.newPage()
  await elsewhere.goto(second.url)
  await elsewhere.getByRole('region', { name: 'Your consent is needed' }).waitFor()

  const window = await context.newPage()
  await window.goto(second.url + new URL(link).pathname)
  // Nobody clicked in a page of that port, so it asks.
  const [asked] = await Promise.all([
    window.waitForRequest((request) => request.method() === 'POST' && new URL(request.url()).origin === second.url),
    window.getByRole('button', { name: 'Continue' }).click()
  ])
  t.match(new URL(asked.url()).pathname, /^\/auth\/connect\//)
  await typeIn(window, 'alice')
  await window.getByRole('button', { name: 'Allow' }).click()
  await window.getByRole('heading', { name: 'Connected' }).waitFor()
  await page.getByRole('listitem').filter({ hasText: 'Planning for the quarter' }).last().waitFor()
  t.match(await page.title(), 'Your report is ready')
  t.equal(new URL(page.url()).origin, first.url)
  await elsewhere.getByRole('region', { name: 'Your consent is needed' }).waitFor({ state: 'hidden' })
  t.equal(new URL(elsewhere.url()).origin, second.url)
  for (const each of [elsewhere, page]) {
    await sees(each, 'Planning for the quarter')
    await each.reload()
    await sees(each, 'Planning for the quarter')
    t.match(await each.title(), 'Your report is ready', `after a reload of ${new URL(each.url()).origin}`)
  }
})

t.test('in Chromium: the page of the joined port starts a report, leads to the consent, and shows the report', async (t) => {
  const [first, second] = await startTwo(t)
  const context = await browserContext(t)
  const page = await context.newPage()
  await page.goto(second.url)
  await page.getByRole('link', { name: 'Sign in' }).click()
  await typeIn(page, 'alice')
  await page.getByRole('button', { name: 'Write my report' }).waitFor()
  t.equal(new URL(page.url()).origin, first.url, 'a sign-in comes back to where redirects lead')
  await page.goto(second.url)
  await page.getByRole('button', { name: 'Write my report' }).click()
  const link = page.getByRole('link', { name: 'Give consent' })
  await link.waitFor()
  t.equal(new URL(await link.getAttribute('href') ?? '').origin, first.url)
  t.equal(context.pages().length, 1, 'B21: nothing opens by itself')
  const [window] = await Promise.all([context.waitForEvent('page'), link.click()])
  // To the other port it comes from elsewhere, so it asks whether this was expected.
  await window.getByRole('button', { name: 'Continue' }).click()
  await typeIn(window, 'alice')
  await Promise.all([window.waitForEvent('close'), window.getByRole('button', { name: 'Allow' }).click()])
  await sees(page, 'Planning for the quarter')
  t.match(await page.title(), 'Your report is ready')
  t.equal(new URL(page.url()).origin, second.url)
})

/** Waits for an event of the calendar in a finished report. */
async function sees (page: Page, event: string): Promise<void> {
  await page.getByRole('listitem').filter({ hasText: event }).last().waitFor()
}

t.test('two processes with one Redis are one application', async (t) => {
  const [first, second] = await startTwo(t)
  const browser = createBrowser()
  await signIn(await browser.open(`${second.url}/auth/login`), 'alice')
  const cookie = browser.cookieHeader(first.url)
  const call = async (url: string, method = 'GET'): Promise<{ status: number, body: Record<string, unknown> }> => {
    const response = await fetch(url, { method, headers: { cookie, origin: new URL(url).origin } })
    return { status: response.status, body: await response.json() as Record<string, unknown> }
  }
  const started = await call(`${first.url}/report`, 'POST')
  t.equal(started.status, 202)
  const { executionId } = started.body as { executionId: string }
  t.match((await call(`${second.url}/executions/${executionId}`)).body, { status: 'oauth_required' })
  await call(`${second.url}/executions/${executionId}/cancel`, 'POST')
  t.match((await call(`${first.url}/executions/${executionId}`)).body, { status: 'cancelled' })

  const other = await call(`${second.url}/report`, 'POST')
  t.equal(other.status, 202)
  second.child.kill('SIGKILL')
  const { executionId: orphan } = other.body as { executionId: string }
  const ended = await until(async () => {
    const { body } = await call(`${first.url}/executions/${orphan}`)
    return body['status'] === 'failed' ? body : undefined
  }, 60_000)
  t.match(ended, { error: { code: 'CONSENTRY_ERR_NODE_LOST' } }, 'R9')
})

t.test('settings that cannot be used', async (t) => {
  const baseUrl = `http://127.0.0.1:${await freePort()}`
  for (const [env, message] of [
    [{ REDIS_URL: 'http://127.0.0.1' }, 'REDIS_URL must begin with redis:// or rediss://'],
    [{ REDIS_URL: `redis://127.0.0.1:${await freePort()}`, PORT: String(await freePort()) }, 'Redis does not answer at REDIS_URL.'],
    [{ BASE_URL: baseUrl, REDIS_URL: redis.url }, 'which takes CONSENTRY_SECRET'],
    [{ BASE_URL: baseUrl }, 'which takes REDIS_URL'],
    [{ ...shared, BASE_URL: 'https://app.example.com' }, 'BASE_URL must be']
  ] as const) {
    const { code, output } = await runDemo(env)
    t.equal(code, 1)
    t.match(output, message)
  }
})
