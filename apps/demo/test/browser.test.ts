import { accessSync, constants, mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import type { Browser, BrowserContext, BrowserContextOptions, Page, WebSocketRoute } from 'playwright-core'
import t from 'tap'
import { startDemo, until } from './demo.ts'
import type { Demo } from './demo.ts'

// A real browser on a small machine.
t.setTimeout(240_000)

const artifacts = fileURLToPath(new URL('../../../../artifacts/', import.meta.url))
const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']

function findChromium (): string {
  const places = [process.env['CHROMIUM_PATH'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].filter((path) => path !== undefined && path !== '')
  for (const path of places as string[]) {
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {}
  }
  throw new Error(`No Chromium at ${places.join(', ')}. Install one (apt-get install chromium), or say where it is with CHROMIUM_PATH.`)
}

/** Somebody with a browser, signed in. What a page should not do is collected in `faults`. */
async function person (browser: Browser, demo: Demo, username: string, options: BrowserContextOptions = {}): Promise<{ context: BrowserContext, page: Page, faults: string[] }> {
  const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'UTC', viewport: { width: 1200, height: 800 }, ...options })
  context.setDefaultTimeout(15_000)
  const faults: string[] = []
  context.on('page', (page) => {
    page.on('pageerror', ({ message }) => { faults.push(message) })
    page.on('console', (message) => {
      // A refused request is told by the browser whatever the page makes of it.
      if (message.type() === 'error' && !/Failed to load resource|WebSocket connection/.test(message.text())) faults.push(message.text())
    })
  })
  const page = await context.newPage()
  await page.goto(demo.url)
  await signIn(page, username)
  return { context, page, faults }
}

async function signIn (page: Page, username: string): Promise<void> {
  await page.getByRole('link', { name: 'Sign in' }).click()
  await page.getByLabel('Username').fill(username)
  await page.getByLabel('Password').fill('correct horse')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('button', { name: 'Write my report' }).waitFor()
}

const write = async (page: Page): Promise<void> => page.getByRole('button', { name: 'Write my report' }).click()
const question = (page: Page): ReturnType<Page['locator']> => page.getByRole('region', { name: 'Your consent is needed' })
const ending = (page: Page, name: string): ReturnType<Page['locator']> => page.getByRole('heading', { name, exact: true })
const event = (page: Page, title: string): ReturnType<Page['locator']> => page.getByRole('listitem').filter({ hasText: title }).last()

/** The answer that the person gives in the window that their click opens. */
async function answer (page: Page, button: 'Allow' | 'Deny', seen?: (window: Page) => Promise<void>): Promise<void> {
  const [window] = await Promise.all([page.waitForEvent('popup'), page.getByRole('link', { name: 'Give consent' }).click()])
  await window.getByRole('button', { name: button }).waitFor()
  await seen?.(window)
  const closed = window.waitForEvent('close')
  await window.getByRole('button', { name: button }).click()
  await closed
}

async function shoot (page: Page, name: string): Promise<void> {
  // Past what comes in softly.
  await page.waitForTimeout(450)
  await page.screenshot({ path: `${artifacts}demo-${name}.png`, fullPage: true })
}

t.test('a person and a report', async (t) => {
  mkdirSync(artifacts, { recursive: true })
  const demo = await startDemo()
  t.teardown(async () => demo.stop())
  const browser = await chromium.launch({ executablePath: findChromium(), args: flags })
  t.teardown(async () => browser.close())

  await t.test('signed out', async (t) => {
    const page = await browser.newPage()
    await page.goto(demo.url)
    await page.getByRole('link', { name: 'Sign in' }).waitFor()
    t.equal(await page.getByRole('link', { name: 'Sign in' }).getAttribute('href'), '/auth/login?return_to=/')
    t.notOk(await page.getByRole('button', { name: 'Write my report' }).isVisible())
    await shoot(page, '01-signed-out')
    await page.close()
  })

  const { context, page, faults } = await person(browser, demo, 'alice')

  await t.test('signed in', async (t) => {
    t.equal(page.url(), `${demo.url}/`)
    await page.getByRole('heading', { name: 'Hello, Alice' }).waitFor()
    const you = page.getByRole('region', { name: 'Signed in as' })
    for (const text of ['Alice Novak', 'alice@example.com', 'staff', 'admins']) t.ok(await you.getByText(text).isVisible(), text)
    await shoot(page, '02-signed-in')
  })

  await t.test('asked in the middle of the report', async (t) => {
    const [started] = await Promise.all([page.waitForResponse(`${demo.url}/report`), write(page)])
    t.equal(started.status(), 202)
    const { executionId: run } = await started.json() as { executionId: string }
    await question(page).waitFor()
    for (const text of ['Corp Calendar', `localhost:${demo.idpPort}`, 'calendar.read', run]) {
      t.ok(await question(page).getByText(text, { exact: true }).isVisible(), text)
    }
    t.match(await question(page).getByRole('timer').textContent(), /^(10:00|9:\d\d)$/)
    t.equal(new URL(await page.getByRole('link', { name: 'Give consent' }).getAttribute('href') ?? '').origin, demo.url)
    t.match(await page.title(), 'Your consent is needed')
    t.match(await page.locator('#announcer').textContent(), 'Corp Calendar is asked for calendar.read')
    t.equal(await page.evaluate('document.activeElement.localName'), 'consentry-prompt', 'the keyboard is where the question is')
    t.same(await page.getByRole('list', { name: 'Steps' }).locator('li > span').allTextContents(), ['Started', 'Looking at your calendar', 'Waiting for your consent'])
    await shoot(page, '03-question')
  })

  await t.test('a reload brings the question back, and a second tab has it too', async (t) => {
    await page.reload()
    await question(page).waitFor()
    await page.getByText('Looking at your calendar').waitFor()
    t.equal(await page.getByRole('list', { name: 'Steps' }).getByRole('listitem').count(), 3, 'with the steps so far')
    const second = await context.newPage()
    await second.goto(demo.url)
    await question(second).waitFor()
    await second.getByText('Looking at your calendar').waitFor()
    await shoot(second, '04-second-tab')

    await answer(page, 'Allow', async (window) => {
      t.equal(new URL(window.url()).origin, `http://localhost:${demo.idpPort}`)
      await shoot(window, '05-consent')
    })
    // Nobody clicks here.
    for (const tab of [page, second]) {
      await event(tab, 'Planning for the quarter').waitFor()
      await event(tab, 'Dentist').waitFor()
      t.notOk(await question(tab).isVisible())
    }
    t.match(await page.title(), 'Your report is ready')
    t.equal(await page.locator('#announcer').textContent(), 'Your report is ready: 5 events.')
    t.ok(await event(page, 'Budget review').getByText('14:00').isVisible())
    await shoot(page, '06-report')
    await second.close()
  })

  await t.test('a reload keeps the report', async (t) => {
    await page.reload()
    await event(page, 'Planning for the quarter').waitFor()
    await page.getByText('You gave your consent').waitFor()
    t.equal(await page.getByRole('list', { name: 'Steps' }).getByRole('listitem').count(), 6)
  })

  await t.test('not asked again while connected', async (t) => {
    const connections = page.getByRole('region', { name: 'Your connections' })
    await connections.getByText('Corp Calendar').waitFor()
    t.ok(await connections.getByText('calendar.read').isVisible())
    await write(page)
    await page.getByRole('list', { name: 'Steps' }).getByText('Reading 5 events').waitFor()
    await event(page, 'Dentist').waitFor()
    t.notOk(await page.getByText('You gave your consent').isVisible())
  })

  await t.test('disconnected', async (t) => {
    await page.getByRole('button', { name: 'Disconnect' }).click()
    await page.getByText('Disconnected. Corp Calendar confirmed that the access has ended.').waitFor()
    t.notOk(await page.getByRole('button', { name: 'Disconnect' }).isVisible())
    await shoot(page, '07-disconnected')
  })

  await t.test('denied', async (t) => {
    await write(page)
    await answer(page, 'Deny')
    await ending(page, 'You said no, and that is fine').waitFor()
    t.ok(await page.getByText('CONSENTRY_ERR_CONSENT_DENIED').isVisible())
    t.ok(await page.getByText('You declined').isVisible())
    await shoot(page, '08-denied')
  })

  await t.test('tried again, and cancelled', async () => {
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByRole('button', { name: 'Cancel the report' }).click()
    await ending(page, 'You cancelled the report').waitFor()
    await question(page).waitFor({ state: 'hidden' })
    await shoot(page, '09-cancelled')
  })

  await t.test('by keyboard alone', async (t) => {
    await page.getByRole('button', { name: 'Write my report' }).focus()
    await page.keyboard.press('Enter')
    await question(page).waitFor()
    await page.keyboard.press('Tab')
    const [window] = await Promise.all([page.waitForEvent('popup'), page.keyboard.press('Enter')])
    await window.getByRole('button', { name: 'Allow' }).press('Enter')
    await event(page, 'Dentist').waitFor()
    t.ok(await page.evaluate('document.activeElement.closest(".run") !== null'), 'the keyboard stays with the report')
  })

  await t.test('the administration, for admins', async (t) => {
    const admin = await context.newPage()
    await admin.goto(`${demo.url}/admin`)
    await admin.getByText('Browser 1').waitFor()
    for (const text of ['Corp Calendar', `localhost:${demo.idpPort}`]) t.ok(await admin.getByText(text).first().isVisible(), text)
    await shoot(admin, '16-administration')
    await admin.close()
  })

  await t.test('signed out in every tab', async (t) => {
    const second = await context.newPage()
    await second.goto(demo.url)
    await second.getByText('Live', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    // The provider asks whether to sign out there too, and leads back.
    await page.waitForURL(`http://localhost:${demo.idpPort}/**`)
    await second.getByText('Your session has ended').waitFor()
    await shoot(second, '10-session-ended')
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.waitForURL(`${demo.url}/`)
    await page.getByRole('link', { name: 'Sign in' }).waitFor()
    t.equal(new URL(page.url()).search, '')
  })

  t.same(faults, [], 'no errors, and nothing that the policy forbids')
  await context.close()

  await t.test('a phone, in the dark', async (t) => {
    const { context, page, faults } = await person(browser, demo, 'bob', { viewport: { width: 360, height: 740 }, colorScheme: 'dark', reducedMotion: 'reduce' })
    await write(page)
    await question(page).waitFor()
    await shoot(page, '11-phone-question')
    await answer(page, 'Allow', async (window) => shoot(window, '12-phone-consent'))
    await event(page, 'Stand-up').waitFor()
    await shoot(page, '13-phone-report')
    t.equal(await page.evaluate('document.documentElement.scrollWidth'), 360, 'nothing is wider than the screen')
    t.same(faults, [])
    await context.close()
  })

  await t.test('the administration, for nobody else', async (t) => {
    const { context, page, faults } = await person(browser, demo, 'bob')
    const answer = await page.goto(`${demo.url}/admin`)
    t.equal(answer?.status(), 403)
    await page.getByRole('heading', { name: 'Not allowed' }).waitFor()
    await page.getByText('CONSENTRY_ERR_FORBIDDEN').waitFor()
    await shoot(page, '17-administration-refused')
    await page.getByRole('link', { name: 'Back to the application' }).click()
    await page.getByRole('button', { name: 'Write my report' }).waitFor()
    t.same(faults, [])
    await context.close()
  })

  await t.test('signed out everywhere', async (t) => {
    const { context, page, faults } = await person(browser, demo, 'alice')
    await page.goto(`${demo.url}/admin`)
    await page.getByRole('button', { name: 'Sign out everywhere' }).click()
    await page.waitForURL(`http://localhost:${demo.idpPort}/**`)
    await page.goto(demo.url)
    await page.getByRole('link', { name: 'Sign in' }).waitFor()
    t.same(faults, [])
    await context.close()
  })

  await t.test('the connection drops: the report is read instead, and the socket comes back', async (t) => {
    const { context, page } = await person(browser, demo, 'alice')
    // Alice is connected from before.
    await page.getByRole('button', { name: 'Disconnect' }).click()
    await page.getByText('Disconnected').waitFor()
    let blocked = false
    const sockets: WebSocketRoute[] = []
    await page.routeWebSocket('**/executions/ws', (socket) => {
      if (blocked) return void socket.close({ code: 1012 })
      sockets.push(socket)
      socket.connectToServer()
    })
    await page.reload()
    await page.getByText('Live', { exact: true }).waitFor()
    await write(page)
    await question(page).waitFor()

    blocked = true
    await sockets.at(-1)?.close({ code: 1012 })
    await page.getByText('Reconnecting…').waitFor()
    t.ok(await question(page).isVisible(), 'the question is still there')
    await shoot(page, '14-reconnecting')
    await answer(page, 'Allow')
    await event(page, 'Dentist').waitFor()
    t.notOk(await page.getByText('Live', { exact: true }).isVisible())

    blocked = false
    await page.getByText('Live', { exact: true }).waitFor({ timeout: 20_000 })
    await page.getByRole('list', { name: 'Steps' }).getByText('Reading 5 events').waitFor()
    t.equal(await page.getByRole('list', { name: 'Steps' }).getByRole('listitem').count(), 6, 'with all that was missed')
    await context.close()
  })
})

t.test('a question that runs out of time, and a server that is restarted', async (t) => {
  const first = await startDemo({ FLOW_LIFETIME: '2' })
  t.teardown(async () => first.stop())
  const browser = await chromium.launch({ executablePath: findChromium(), args: flags })
  t.teardown(async () => browser.close())
  const { page, faults } = await person(browser, first, 'alice')
  await page.getByText('Live', { exact: true }).waitFor()

  await write(page)
  await question(page).waitFor()
  await ending(page, 'The question ran out of time').waitFor()
  t.ok(await page.getByText('CONSENTRY_ERR_FLOW_EXPIRED').isVisible())
  await shoot(page, '15-expired')

  await first.stop()
  await page.getByText('Reconnecting…').waitFor()
  const second = await startDemo({ PORT: String(first.port), IDP_PORT: String(first.idpPort) })
  t.teardown(async () => second.stop())
  // Sessions were in memory.
  await page.getByText('Your session has ended').waitFor({ timeout: 30_000 })
  await signIn(page, 'alice')
  await write(page)
  await question(page).waitFor()
  await until(async () => await page.getByText('Live', { exact: true }).isVisible() ? true : undefined)
  t.same(faults, [])
})
