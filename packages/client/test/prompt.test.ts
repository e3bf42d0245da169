import { launchChromium } from '@consentry/testing'
import t from 'tap'
import { promptTexts } from '../src/prompt.ts'
import { bundle, inPage } from './page.ts'
import { apiKey, startServer, type TestServer } from './server.ts'

t.setTimeout(300_000)

const policy = "default-src 'none'; script-src 'self'; connect-src 'self'; require-trusted-types-for 'script'"

/** The real server with a page under a strict policy. */
async function start (t: Parameters<typeof startServer>[0]): Promise<TestServer> {
  const server = await startServer(t, { label: '<img src=x onerror=alert(1)>', page: {
    '/page': ['text/html', '<!doctype html><title>Page</title><consentry-prompt></consentry-prompt><script type="module" src="page.js"></script>'],
    '/page.js': ['text/javascript', `import { createClient } from './client.js'
      import './prompt.js'
      const client = globalThis.client = createClient({ token: '${apiKey}' })
      client.onOauthRequired((question) => { console.info('opened by a script:', String(question.open())) })
      document.querySelector('consentry-prompt').client = client
      globalThis.run = client.run('/run')`],
    '/client.js': ['text/javascript', await bundle('index')],
    '/prompt.js': ['text/javascript', await bundle('prompt')]
  }, policy })
  return server
}

t.test('B21: the element says where it leads, and nothing is opened but by the person', async (t) => {
  const browser = await launchChromium()
  t.teardown(() => browser.close())
  const server = await start(t)
  const context = await browser.newContext()
  const page = await context.newPage()
  const faults: string[] = []
  page.on('pageerror', ({ message }) => { faults.push(message) })
  page.on('console', (message) => { if (message.type() === 'error' && !message.text().includes('Failed to load resource')) faults.push(message.text()) })
  // Nothing is evaluated in the page before this: to the browser, what a test evaluates is a person's doing.
  const [told] = await Promise.all([page.waitForEvent('console', (message) => message.text().startsWith('opened')), page.goto(`${server.url}/page`)])
  t.equal(told.text(), 'opened by a script: null')
  t.equal(context.pages().length, 1)

  const question = page.getByRole('region', { name: promptTexts.title })
  await question.waitFor()
  for (const text of ['<img src=x onerror=alert(1)>', server.askingHost, 'calendar.read']) t.ok(await question.getByText(text, { exact: true }).isVisible(), text)
  t.match(await question.getByRole('timer').textContent(), /^\d+:\d\d$/)
  t.match(await page.getByRole('status').textContent(), 'is asked for calendar.read')
  t.equal(await inPage(page, "getComputedStyle(document.querySelector('consentry-prompt').shadowRoot.querySelector('[part=question]')).display"), 'grid', 'styled under a policy without inline styles')

  const link = page.getByRole('link', { name: `Continue to ${server.askingHost}` })
  t.match(await link.getAttribute('href'), `${server.url}/auth/connect/`)
  const [window] = await Promise.all([page.waitForEvent('popup'), link.click()])
  await page.getByText('Waiting for your answer').waitFor()

  await window.close()
  t.ok(await question.isVisible(), 'a window that was closed is a hint, no answer')
  await inPage(page, 'window.open = () => null')
  const [tab] = await Promise.all([page.waitForEvent('popup'), link.press('Enter')])
  t.ok(tab, 'blocked, it is still a link')
  await tab.close()

  await link.focus()
  await inPage(page, 'run.cancel()')
  await question.waitFor({ state: 'detached' })
  t.ok(await page.getByText(promptTexts.outcomes.cancelled(undefined as never)).first().isVisible())
  t.equal(await inPage(page, "document.querySelector('consentry-prompt').shadowRoot.activeElement.getAttribute('part')"), 'outcome', 'the keyboard stays')
  t.same(faults, [])
})
