import { launchChromium, typeIn, type ChromiumPage } from '@consentry/testing'
import t from 'tap'
import { createWorld, listens, path, states } from './world.ts'

// A real browser on a small machine.
t.setTimeout(300_000)

async function signIn (page: ChromiumPage, url: string): Promise<void> {
  await page.goto(url)
  await typeIn(page, 'alice')
}

t.test('T14 in a real browser', async (t) => {
  const browser = await launchChromium()
  t.teardown(() => browser.close())

  await t.test('seed C: AuthFlowManager.run_native: the system browser, the loopback, the page after the exchange', async (t) => {
    const world = await createWorld(t)
    const page = await browser.newPage()
    const faults: string[] = []
    page.on('console', (message) => { if (message.type() === 'error' && !message.text().includes('favicon')) faults.push(message.text()) })
    page.on('pageerror', ({ message }) => { faults.push(message) })
    const { redirectUri, granted } = await world.begin({ openBrowser: async (url) => signIn(page, url) })
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.getByRole('heading', { name: 'You are signed in' }).waitFor()
    t.equal(page.url(), `${new URL(redirectUri).origin}/`, 'the code has left the address bar')
    t.equal(await page.evaluate('history.length > 0 && !location.href.includes("code=")'), true)
    t.ok(await (await granted).accessToken())
    t.same(states(world.events), ['pending', 'in_progress', 'completed'])
    t.same(faults, [])
    t.notOk(await listens(redirectUri))
    await page.close()
  })

  await t.test('a page of another site that knows the port gets nowhere', async (t) => {
    const world = await createWorld(t)
    const page = await browser.newPage()
    const { redirectUri, granted } = await world.begin({ openBrowser: async (url) => signIn(page, url) })
    const evil = await browser.newPage()
    await evil.goto(world.op.issuer)
    await evil.evaluate(`Promise.allSettled([
      ...Array.from({ length: 40 }, (_, n) => fetch('${redirectUri}?state=' + n + '&code=x', { mode: 'no-cors' })),
      new Promise((resolve) => { const frame = document.createElement('iframe'); frame.onload = resolve; frame.src = '${redirectUri}?error=access_denied'; document.body.append(frame) })
    ])`)
    t.same(states(world.events), ['pending'])
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.getByRole('heading', { name: 'You are signed in' }).waitFor()
    await granted
    await Promise.all([page.close(), evil.close()])
  })

  await t.test('where the loopback cannot be reached, the address bar has what is to be pasted', async (t) => {
    const world = await createWorld(t)
    // The provider is reached by its name, and nothing by the address: as from a browser on another machine.
    const context = await browser.newContext({ proxy: { server: 'http://127.0.0.1:1', bypass: '<-loopback>,localhost' } })
    const page = await context.newPage()
    let paste: (line: string) => void = () => {}
    const { url, granted } = await world.begin({ methods: ['paste'], readLine: () => new Promise((resolve) => { paste = resolve }) })
    await signIn(page, url)
    const failed = page.waitForEvent('requestfailed', (request) => new URL(request.url()).pathname === path)
    // The navigation that the click begins fails.
    await page.getByRole('button', { name: 'Allow' }).click({ noWaitAfter: true })
    paste((await failed).url())
    t.ok(await (await granted).accessToken())
    await context.close()
  })
})
