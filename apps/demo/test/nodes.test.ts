import { createBrowser, freePort, signIn, startRedis } from '@consentry/testing'
import t from 'tap'
import { runDemo, startDemo, until } from './demo.ts'

// A lease is longer than a test may take otherwise.
t.setTimeout(120_000)

const redis = await startRedis()
t.teardown(() => redis.close())
const shared = { REDIS_URL: redis.url, CONSENTRY_SECRET: 'a secret of the tests that is long enough' }

t.test('two processes with one Redis are one application', async (t) => {
  const first = await startDemo(shared)
  t.teardown(() => first.stop())
  const second = await startDemo({ ...shared, BASE_URL: first.url, IDP_PORT: String(first.idpPort), CALENDAR_PORT: String(first.calendarPort), WEATHER_PORT: String(first.weatherPort) })
  t.teardown(() => second.stop())

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
