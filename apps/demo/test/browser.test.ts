import { launchChromium, typeIn } from '@consentry/testing'
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContext, BrowserContextOptions, Page, WebSocketRoute } from 'playwright-core'
import t from 'tap'
import { startDemo, until } from './demo.ts'
import type { Demo } from './demo.ts'

// A real browser on a small machine.
t.setTimeout(360_000)

const artifacts = fileURLToPath(new URL('../../../../artifacts/', import.meta.url))
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
  await typeIn(page, username)
  await page.getByRole('button', { name: 'Write my report' }).waitFor()
}

/** Starts a run, and waits until it is shown: the one before it looks much the same. */
async function start (page: Page, name: string): Promise<void> {
  const isRun = (url: string): boolean => /^\/(report|focus-time|whole-week|watch|forecast|walk)$/.test(new URL(url).pathname)
  const [answer] = await Promise.all([page.waitForResponse((response) => isRun(response.url())), page.getByRole('button', { name }).click()])
  const { executionId } = await answer.json() as { executionId: string }
  await page.locator(`article[data-key="${executionId}"]`).waitFor()
  await page.waitForFunction("document.querySelectorAll('article.run').length === 1")
}

const write = async (page: Page): Promise<void> => start(page, 'Write my report')
const question = (page: Page): ReturnType<Page['locator']> => page.getByRole('region', { name: 'Your consent is needed' })
const connections = (page: Page): ReturnType<Page['locator']> => page.getByRole('region', { name: 'Your connections' })
const activity = (page: Page): ReturnType<Page['locator']> => page.getByRole('region', { name: 'Activity' })
const ending = (page: Page, name: string): ReturnType<Page['locator']> => page.getByRole('heading', { name, exact: true })
const event = (page: Page, title: string): ReturnType<Page['locator']> => page.getByRole('listitem').filter({ hasText: title }).last()

/** The window that a click on a question opens. */
async function opened (page: Page, link = 'Give consent'): Promise<Page> {
  const [window] = await Promise.all([page.waitForEvent('popup'), page.getByRole('link', { name: link }).click()])
  return window
}

interface Answer {
  /** Signs in at the calendar first, which knows nothing of the sign-in here. */
  as?: string
  seen?: (window: Page) => Promise<void>
}

/** The answer that the person gives in the window that their click opens. */
async function answer (page: Page, button: 'Allow' | 'Deny', { as, seen }: Answer = {}): Promise<void> {
  const window = await opened(page)
  if (as !== undefined) await typeIn(window, as)
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
  // Tokens that are renewed while somebody looks.
  const demo = await startDemo({ CALENDAR_TOKEN_LIFETIME: '4' })
  t.teardown(async () => demo.stop())
  const browser = await launchChromium()
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
    for (const text of ['Daybook', `localhost:${demo.calendarPort}`, 'calendar.read', run]) {
      t.ok(await question(page).getByText(text, { exact: true }).isVisible(), text)
    }
    t.match(await question(page).getByRole('timer').textContent(), /^(10:00|9:\d\d)$/)
    t.equal(new URL(await page.getByRole('link', { name: 'Give consent' }).getAttribute('href') ?? '').origin, demo.url)
    t.match(await page.title(), 'Your consent is needed')
    t.equal(await page.getByRole('region', { name: 'Your consent is needed Daybook', exact: true }).count(), 1, 'what is only drawn is not read out')
    t.match(await page.locator('#announcer').textContent(), 'Daybook is asked for email, calendar.read')
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

    await answer(page, 'Allow', {
      as: 'alice',
      seen: async (window) => {
        t.equal(new URL(window.url()).origin, `http://localhost:${demo.calendarPort}`)
        await shoot(window, '05-consent')
      }
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
    await connections(page).getByText('Daybook').waitFor()
    for (const text of ['work', 'alice@example.com', 'calendar.read']) t.ok(await connections(page).getByText(text, { exact: text === 'work' }).isVisible(), text)
    await write(page)
    await page.getByRole('list', { name: 'Steps' }).getByText('Reading 5 events').waitFor()
    await event(page, 'Dentist').waitFor()
    t.notOk(await page.getByText('You gave your consent').isVisible())
  })

  await t.test('disconnected', async (t) => {
    await page.getByRole('button', { name: 'Disconnect' }).click()
    await page.getByText('Disconnected. Daybook confirmed that the access has ended.').waitFor()
    t.notOk(await page.getByRole('button', { name: 'Disconnect' }).isVisible())
    await shoot(page, '07-disconnected')
  })

  await t.test('denied', async (t) => {
    await write(page)
    await answer(page, 'Deny')
    await ending(page, 'You said no, and that is fine').waitFor()
    t.ok(await page.getByText('CONSENTRY_ERR_CONSENT_DENIED').isVisible())
    t.ok(await page.getByRole('list', { name: 'Steps' }).getByText('You declined').isVisible())
    await activity(page).getByText('You declined').waitFor()
    await shoot(page, '08-denied')
  })

  await t.test('tried again, and cancelled', async () => {
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByRole('button', { name: 'Cancel' }).click()
    await ending(page, 'You cancelled it').waitFor()
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

  await t.test('step up: the second run says what is new', async (t) => {
    await start(page, 'Book focus time')
    await question(page).waitFor()
    const news = page.getByRole('list', { name: 'What is new' })
    t.same(await news.getByRole('listitem').allTextContents(), ['NewAdd and change events in your calendar'])
    await shoot(page, '18-step-up')
    await answer(page, 'Deny')
    await ending(page, 'You said no, and that is fine').waitFor()
    await write(page)
    await event(page, 'Dentist').waitFor()
    t.notOk(await question(page).isVisible(), 'declining took nothing from the report')
  })

  await t.test('step up: a scope left out is told, and half of the work is done', async (t) => {
    await start(page, 'Book focus time')
    await answer(page, 'Allow', {
      seen: async (window) => {
        await window.getByLabel('Add and change events in your calendar').uncheck()
        await shoot(window, '19-left-out')
      }
    })
    await ending(page, 'Half of it is done').waitFor()
    t.ok(await page.getByRole('note').getByText('calendar.write').isVisible())
    await activity(page).getByText('You allowed a part').waitFor()
    t.notOk(await connections(page).getByText('calendar.write').isVisible())
    await shoot(page, '20-partial')
  })

  await t.test('step up: allowed, it is in the calendar', async (t) => {
    await start(page, 'Book focus time')
    await answer(page, 'Allow')
    await event(page, 'Focus time').waitFor()
    await connections(page).getByText('calendar.write').waitFor()
    await write(page)
    await page.getByText('Reading 6 events').waitFor()
    await event(page, 'Dentist').waitFor()
    t.ok(await event(page, 'Focus time').isVisible())
  })

  await t.test('two profiles: another account of the same person beside the first', async (t) => {
    await start(page, 'See my whole week')
    await page.getByText('which is another account of yours').waitFor()
    await answer(page, 'Allow', {
      seen: async (window) => {
        await window.getByText('alice@home.example').waitFor()
        await shoot(window, '22-private-consent')
      },
      as: 'alice.home'
    })
    await event(page, 'Dinner with Sam').waitFor()
    for (const text of ['work', 'private']) t.ok(await connections(page).getByText(text, { exact: true }).isVisible(), text)
    for (const text of ['alice@example.com', 'alice@home.example']) t.ok(await connections(page).getByText(text).isVisible(), text)
    t.ok(await event(page, 'Dentist').isVisible(), 'beside the other calendar')
    await page.reload()
    await page.getByRole('heading', { name: 'Your whole week' }).waitFor()
    await page.getByRole('heading', { name: 'Hello, Alice' }).waitFor()
    await shoot(page, '23-two-profiles')
  })

  await t.test('disconnected during a run: it ends, and says why', async (t) => {
    await start(page, 'Watch my calendar')
    await page.getByRole('progressbar', { name: 'Watching your work calendar' }).waitFor()
    await page.getByText(/^[3-9] of 20$/).waitFor()
    await activity(page).getByText('Access was renewed').first().waitFor()
    await shoot(page, '24-watching')
    await page.getByRole('button', { name: 'Disconnect Daybook, work' }).click()
    await ending(page, 'You disconnected it on the way').waitFor()
    t.ok(await page.getByText('CONSENTRY_ERR_GRANT_REVOKED').isVisible())
    await activity(page).getByText('Ended here and there').first().waitFor()
    t.ok(await connections(page).getByText('private', { exact: true }).isVisible(), 'the other account stays')
    t.notOk(await connections(page).getByText('work', { exact: true }).isVisible())
    await shoot(page, '25-disconnected-on-the-way')
  })

  await t.test('both at once, one of them a key that is typed; a wrong one is told at once', async (t) => {
    await start(page, 'Plan a walk')
    await page.getByRole('link', { name: 'Enter your key' }).waitFor()
    await page.getByRole('link', { name: 'Give consent' }).waitFor()
    t.equal(await question(page).count(), 2)
    t.same(await page.getByRole('list', { name: 'Steps' }).locator('li > span').allTextContents(), ['Started', 'Waiting for your consent', 'Waiting for your consent'], 'before it begins')
    await shoot(page, '26-both-at-once')
    const window = await opened(page, 'Enter your key')
    t.equal(new URL(window.url()).origin, demo.url, 'a page of the application')
    await window.getByLabel('API key').fill('sky_wrong')
    await window.getByRole('button', { name: 'Connect' }).click()
    await window.getByRole('alert').waitFor()
    t.equal(await window.getByLabel('API key').inputValue(), '')
    await shoot(window, '27-wrong-key')
    const [account] = await Promise.all([context.waitForEvent('page'), window.getByRole('link', { name: 'Where to find it' }).click()])
    const key = await account.getByText(/^sky_/).textContent() ?? ''
    await shoot(account, '28-where-the-key-is')
    await account.close()
    await window.getByLabel('API key').fill(key)
    const closed = window.waitForEvent('close')
    await window.getByRole('button', { name: 'Connect' }).click()
    await closed
    await connections(page).getByText('Skycast', { exact: true }).waitFor()
    t.equal(await question(page).count(), 1, 'the other one waits on')
    await answer(page, 'Allow', { as: 'alice' })
    await page.getByText('the driest day').waitFor()
    t.ok(await page.getByText('5 % rain').isVisible())
    await shoot(page, '29-walk')
    t.notMatch(await page.content(), key)
  })

  await t.test('the key is there for the next one', async (t) => {
    await start(page, 'Check the weather')
    await page.getByRole('heading', { name: 'Your weather' }).waitFor()
    t.ok(await page.getByText('Sunny').isVisible())
    t.notOk(await question(page).isVisible())
    await page.getByRole('button', { name: 'Disconnect Skycast' }).click()
    await page.getByText('Your key for Skycast is forgotten here').waitFor()
    await shoot(page, '30-weather')
  })

  await t.test('the administration, for admins', async (t) => {
    const admin = await context.newPage()
    await admin.goto(`${demo.url}/admin`)
    await admin.getByText('Browser 1').waitFor()
    for (const text of ['Daybook', `localhost:${demo.calendarPort}`, 'Skycast']) t.ok(await admin.getByText(text).first().isVisible(), text)
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
    await answer(page, 'Allow', { as: 'bob', seen: async (window) => shoot(window, '12-phone-consent') })
    await event(page, 'Stand-up').waitFor()
    await shoot(page, '13-phone-report')
    t.equal(await page.evaluate('document.documentElement.scrollWidth'), 360, 'nothing is wider than the screen')
    t.same(faults, [])
    await context.close()
  })

  await t.test('in colours of the system\'s own', async (t) => {
    const { context, page, faults } = await person(browser, demo, 'bob', { forcedColors: 'active', colorScheme: 'dark' })
    await start(page, 'Book focus time')
    await question(page).waitFor()
    await shoot(page, '31-forced-colours')
    t.not(await page.getByRole('button', { name: 'Write my report' }).evaluate('(button) => getComputedStyle(button).borderTopWidth'), '0px')
    await page.getByRole('button', { name: 'Cancel' }).click()
    await ending(page, 'You cancelled it').waitFor()
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
    await page.getByRole('button', { name: 'Disconnect Daybook, work' }).click()
    await page.getByText('Disconnected. Daybook confirmed').waitFor()
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
    await answer(page, 'Allow', { as: 'alice' })
    await event(page, 'Dentist').waitFor()
    t.notOk(await page.getByText('Live', { exact: true }).isVisible())

    blocked = false
    await page.getByText('Live', { exact: true }).waitFor({ timeout: 20_000 })
    await page.getByRole('list', { name: 'Steps' }).getByText('Reading 6 events').waitFor()
    t.equal(await page.getByRole('list', { name: 'Steps' }).getByRole('listitem').count(), 6, 'with all that was missed')
    await context.close()
  })
})

t.test('a question that runs out of time, and a server that is restarted', async (t) => {
  const first = await startDemo({ FLOW_LIFETIME: '2' })
  t.teardown(async () => first.stop())
  const browser = await launchChromium()
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
  const second = await startDemo({ PORT: String(first.port), IDP_PORT: String(first.idpPort), CALENDAR_PORT: String(first.calendarPort), WEATHER_PORT: String(first.weatherPort) })
  t.teardown(async () => second.stop())
  // Sessions were in memory.
  await page.getByText('Your session has ended').waitFor({ timeout: 30_000 })
  await signIn(page, 'alice')
  await write(page)
  await question(page).waitFor()
  await until(async () => await page.getByText('Live', { exact: true }).isVisible() ? true : undefined)
  t.same(faults, [])
})
