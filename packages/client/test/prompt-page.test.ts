import { launchChromium, type Chromium, type ChromiumPage } from '@consentry/testing'
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { WebSocket } from 'ws'
import { document, event, hostileServer, json, stream, wellBehaved, type HostileServer } from './hostile-server.ts'
import { bundle, inPage } from './page.ts'

t.setTimeout(300_000)

const artifacts = fileURLToPath(new URL('../../../../artifacts/', import.meta.url))

const question = (flowId: string, more: object = {}) => ({
  flowId, provider: 'p', profile: 'default', label: `Provider ${flowId}`, host: `${flowId}.example.com`, scopes: ['read', 'constructor', '__proto__'], connectUrl: '', expiresAt: '2099-01-01T00:00:00.000Z', ...more
})

/** The run with the id `x`. */
const steps = [event(1, 'running', {}), event(2, 'progress', 'one'), event(3, 'progress', 'two'), event(4, 'completed', { result: 'done' })]

interface Stage {
  server: HostileServer
  /** Says an event of a run to the page. */
  say: (executionId: string, seq: number, type: 'oauth_required' | 'oauth_resolved', data: object) => void
  page: ChromiumPage
  faults: string[]
}

/** A page that sets everything before the element is defined, as pages do that load it later. */
const script = `import { createClient } from './client.js'
const prompt = document.querySelector('consentry-prompt')
const client = globalThis.client = createClient()
Object.assign(prompt, { client, texts: { title: 'Please decide', outcomes: { denied: () => 'As you wish.' } }, scopeLabels: { read: 'Read everything' } })
client.onOauthRequired((question) => { (globalThis.questions ??= {})[question.flowId] = question })
await import('./prompt.js')
globalThis.ready = true`

let browser: Chromium
t.before(async () => { browser = await launchChromium() })
t.teardown(() => browser.close())

async function start (t: Parameters<typeof hostileServer>[0], options: Parameters<Chromium['newContext']>[0] = {}): Promise<Stage> {
  let open: WebSocket | undefined
  const files: Record<string, [string, string]> = {
    '/': ['text/html', '<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Page</title><body><h1>Page</h1><consentry-prompt><p slot="intro">The page says why.</p><button slot="actions">Not now</button></consentry-prompt><script type="module" src="page.js"></script>'],
    '/page.js': ['text/javascript', script],
    '/client.js': ['text/javascript', await bundle('index')],
    '/prompt.js': ['text/javascript', await bundle('prompt')]
  }
  const server = await hostileServer(t, {
    connected: (socket) => { open = socket },
    socket: wellBehaved(steps),
    http: (request, response) => {
      if (request.url === '/executions/x') return json(response, 200, document('running', steps.length))
      // One event, and a cut: what was told is not told again.
      if (request.url === '/executions/x/events') return stream(response, steps.slice(Number(request.headers['last-event-id'])).slice(0, 1))
      const [type, text] = files[request.url ?? ''] ?? ['text/html', '<!doctype html><title>Question</title><p>Question']
      response.writeHead(200, { 'content-type': type, 'content-security-policy': "default-src 'none'; script-src 'self'; connect-src 'self'; require-trusted-types-for 'script'" }).end(text)
    }
  })
  const context = await browser.newContext(options)
  t.teardown(() => context.close())
  const page = await context.newPage()
  const faults: string[] = []
  page.on('pageerror', ({ message }) => { faults.push(message) })
  page.on('console', (message) => { if (message.type() === 'error' && !message.text().includes('Failed to load resource')) faults.push(message.text()) })
  await page.goto(server.url)
  await until(page, 'globalThis.ready')
  while (server.sockets === 0) await new Promise((resolve) => { setTimeout(resolve, 5) })
  return {
    server, page, faults,
    say: (executionId, seq, type, data) => { open?.send(JSON.stringify({ type: 'event', event: { ...event(seq, type, data as never), executionId } })) }
  }
}

/** Not by the browser's own waiting, which the policy of the page forbids. */
async function until (page: ChromiumPage, script: string): Promise<void> {
  while (await inPage(page, script) !== true) await page.waitForTimeout(5)
}

const connectUrl = ({ url }: HostileServer, flowId: string): string => `${url}/auth/connect/${flowId}`

t.test('set before it was defined; several questions, each with its name, the page\'s part in the first', async (t) => {
  const { server, page, say, faults } = await start(t)
  for (const flowId of ['one', 'two']) say('x', flowId === 'one' ? 1 : 2, 'oauth_required', question(flowId, { connectUrl: connectUrl(server, flowId) }))
  const [one, two] = [page.getByRole('region', { name: 'Please decide Provider one', exact: true }), page.getByRole('region', { name: 'Please decide Provider two', exact: true })]
  await two.waitFor()
  t.ok(await one.getByText('Read everything').isVisible())
  t.equal(await one.getByText('native code').count(), 0, 'T15: a scope is no member of every object')
  for (const scope of ['constructor', '__proto__']) t.ok(await one.getByText(scope, { exact: true }).isVisible())
  t.ok(await one.getByRole('link', { name: 'Continue to one.example.com' }).isVisible())
  const boxOf = async (text: string): Promise<number> => (await page.getByText(text).boundingBox())?.y ?? NaN
  t.ok(await boxOf('The page says why.') < ((await two.boundingBox())?.y ?? 0), 'in the first question')
  say('x', 3, 'oauth_resolved', { flowId: 'one', provider: 'p', profile: 'default', outcome: 'denied' })
  await one.waitFor({ state: 'detached' })
  t.ok(await page.getByText('As you wish.').first().isVisible())
  for (const text of ['The page says why.', 'Not now']) t.ok(await page.getByText(text).isVisible(), `${text}: in what is now the first`)
  say('x', 4, 'oauth_resolved', { flowId: 'two', provider: 'p', profile: 'default', outcome: 'toString' })
  await two.waitFor({ state: 'detached' })
  t.ok(await page.getByText('The question is over.').first().isVisible(), 'an outcome that nobody knows')
  t.same(faults, [])
})

t.test('a question without a time, and one that leads elsewhere', async (t) => {
  const { page, say, faults } = await start(t)
  say('x', 1, 'oauth_required', question('one', { expiresAt: 'never', connectUrl: 'javascript:alert(1)' }))
  const region = page.getByRole('region', { name: /Provider one/ })
  await region.waitFor()
  t.equal(await region.getByRole('timer').textContent(), 'over')
  t.equal(await region.getByRole('link').count(), 0, 'B21')
  t.ok(await region.getByText('not one of this application').isVisible())
  t.same(faults, [])
})

t.test('the run that it shows can change, and so can the client', async (t) => {
  const { server, page, say } = await start(t)
  for (const id of ['a', 'b']) say(id, 1, 'oauth_required', question(id, { connectUrl: connectUrl(server, id) }))
  await page.getByRole('region', { name: /Provider b/ }).waitFor()
  for (const [shown, other] of [['a', 'b'], ['b', 'a']] as const) {
    await inPage(page, `document.querySelector('consentry-prompt').setAttribute('execution', '${shown}')`)
    await page.getByRole('region', { name: new RegExp(`Provider ${shown}`) }).waitFor()
    t.equal(await page.getByRole('region', { name: new RegExp(`Provider ${other}`) }).count(), 0)
  }
  await inPage(page, "document.querySelector('consentry-prompt').client = undefined")
  t.equal(await page.getByRole('region').count(), 0)
  await inPage(page, "document.querySelector('consentry-prompt').client = client; document.querySelector('consentry-prompt').removeAttribute('execution')")
  await page.getByRole('region', { name: /Provider a/ }).waitFor()
  await page.getByRole('region', { name: /Provider b/ }).waitFor()
})

t.test('B21 by the keyboard alone; the window that is closed is told; nothing is looked after when it is over', async (t) => {
  const { server, page, say } = await start(t)
  say('x', 1, 'oauth_required', question('one', { connectUrl: connectUrl(server, 'one') }))
  await page.getByRole('region', { name: /Provider one/ }).waitFor()
  await page.keyboard.press('Tab')
  t.equal(await inPage(page, "document.querySelector('consentry-prompt').shadowRoot.activeElement.getAttribute('part')"), 'continue')
  const outline = await inPage<string>(page, "getComputedStyle(document.querySelector('consentry-prompt').shadowRoot.activeElement).outlineStyle")
  t.equal(outline, 'solid', 'one sees where it is')
  const [popup] = await Promise.all([page.waitForEvent('popup'), page.keyboard.press('Enter')])
  t.equal(popup.url(), connectUrl(server, 'one'))
  await popup.close()

  await inPage(page, "document.querySelector('h1').onclick = () => { globalThis.opened = questions.one.open(); globalThis.gone = opened.closed.then(() => 'closed') }")
  const [second] = await Promise.all([page.waitForEvent('popup'), page.getByRole('heading', { name: 'Page' }).click()])
  await second.close()
  t.equal(await inPage(page, 'gone'), 'closed')
  await page.getByRole('heading', { name: 'Page' }).click()
  await inPage(page, 'globalThis.looks = 0; const look = clearInterval; globalThis.clearInterval = (timer) => { looks++; look(timer) }')
  say('x', 2, 'oauth_resolved', { flowId: 'one', provider: 'p', profile: 'default', outcome: 'granted' })
  await page.getByText('Provider one is connected.').first().waitFor()
  t.equal(await inPage(page, 'looks'), 3, 'three times a window was opened')
  t.equal(await inPage(page, 'questions.one.open()'), null, 'what is over opens nothing')
})

t.test('a reload in the middle asks again; a page that is left behind does not', async (t) => {
  const { server, page, say } = await start(t)
  say('x', 1, 'oauth_required', question('one', { connectUrl: connectUrl(server, 'one') }))
  await page.getByRole('region', { name: /Provider one/ }).waitFor()
  await page.reload()
  await until(page, 'globalThis.ready')
  while (server.sockets < 2) await new Promise((resolve) => { setTimeout(resolve, 5) })
  await page.waitForTimeout(50)
  say('x', 1, 'oauth_required', question('one', { connectUrl: connectUrl(server, 'one') }))
  await page.getByRole('region', { name: /Provider one/ }).waitFor()
  t.equal(await page.getByRole('region').count(), 1)
  await inPage(page, "globalThis.taken = document.querySelector('consentry-prompt'); taken.remove()")
  say('x', 2, 'oauth_required', question('two', { connectUrl: connectUrl(server, 'two') }))
  await until(page, 'globalThis.questions?.two !== undefined')
  t.equal(await inPage(page, "taken.shadowRoot.querySelectorAll('[part=question]').length"), 1)
  await inPage(page, 'document.body.append(taken)')
  await page.getByRole('region', { name: /Provider two/ }).waitFor()
  t.equal(await page.getByRole('region').count(), 2)
})

t.test('on a phone, in the dark and in forced colours nothing is cut off', async (t) => {
  mkdirSync(artifacts, { recursive: true })
  for (const [name, options] of [
    ['desktop', { viewport: { width: 1000, height: 700 } }], ['phone', { viewport: { width: 320, height: 700 }, hasTouch: true }],
    ['dark', { viewport: { width: 320, height: 700 }, colorScheme: 'dark' }], ['forced-colors', { viewport: { width: 600, height: 700 }, forcedColors: 'active' }]
  ] as const) {
    const { server, page, say } = await start(t, options)
    say('x', 1, 'oauth_required', question('one', { scopes: ['https://www.example.com/auth/a-scope-with-a-name-that-is-longer-than-any-phone-is-wide.readonly'], host: 'a-host-with-a-name-that-is-longer-than-any-phone-is-wide.example.com', connectUrl: connectUrl(server, 'one') }))
    await page.getByRole('region', { name: /Provider one/ }).waitFor()
    t.ok(await inPage(page, 'document.documentElement.scrollWidth <= innerWidth'), name)
    await page.waitForTimeout(400)
    await page.screenshot({ path: `${artifacts}prompt-${name}.png` })
  }
})

t.test('R10 the client in a browser, over WebSocket and without', async (t) => {
  const { page, faults } = await start(t)
  for (const options of ['{}', '{ WebSocket: false, backoff: { first: 4, longest: 20 } }']) {
    const told = await inPage(page, `import('/client.js').then(async ({ createClient }) => {
      const client = createClient(${options})
      const run = client.follow('x')
      const seqs = []
      for await (const { seq } of run) seqs.push(seq)
      const result = await run.result
      client.close()
      return [...seqs, result]
    })`)
    t.same(told, [1, 2, 3, 4, 'done'], options)
  }
  t.same(faults, [])
})
