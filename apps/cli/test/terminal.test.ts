import { consent, createBrowser, signIn } from '@consentry/testing'
import t from 'tap'
import { createWorld } from './world.ts'

t.setTimeout(300_000)

const show = '\u001b[?25h'
const hide = '\u001b[?25l'

t.test('on a terminal: progress that moves, and is gone at the end', async (t) => {
  const world = await createWorld(t)
  world.configure({})
  const browser = world.browser()
  const cli = world.startOnTerminal(['login'], browser.env)
  await cli.sees(/Waiting for your browser \(\d+ s\)/)
  await consent(await signIn(await createBrowser().open(await browser.opened()), 'alice'), 'allow')
  t.equal(await cli.ended, 0, cli.output())
  t.match(cli.output(), /Signed in as Alice Novak\. The tokens are in the file\.\r\n$/)
  t.ok(cli.output().includes('\u001b[1mhttp'), 'what matters stands out')
  t.ok(cli.output().lastIndexOf(show) > cli.output().lastIndexOf(hide), 'the cursor is back')
})

t.test('NO_COLOR and TERM=dumb', async (t) => {
  const world = await createWorld(t)
  world.configure({})
  const browser = world.browser()
  const plain = world.startOnTerminal(['login', '--timeout', '1'], { ...browser.env, NO_COLOR: '1' })
  t.equal(await plain.ended, 5)
  t.notMatch(plain.output(), /\[\d*m/)
  const dumb = world.startOnTerminal(['login', '--timeout', '1'], { ...browser.env, TERM: 'dumb' })
  t.equal(await dumb.ended, 5)
  t.notOk(dumb.output().includes('\u001b'))
})

t.test('T14 without a browser the address is pasted, however long it is', async (t) => {
  const world = await createWorld(t)
  world.configure({})
  const cli = world.startOnTerminal(['login'])
  const url = await cli.sees(/(http:\/\/localhost:\d+\/authorize\?[\w%.~=&+-]+)/)
  await cli.prompted(1)
  const { next = '' } = await consent(await signIn(await createBrowser().open(url), 'alice'), 'allow', { stopAt: ({ pathname }) => pathname === '/cb' })
  cli.type('http://127.0.0.1/nothing\r')
  await cli.sees(/not the address that belongs/)
  await cli.prompted(2)
  cli.type(`${next}&more=${'x'.repeat(6_000)}\r`)
  t.equal(await cli.ended, 0, cli.output().slice(-500))
  t.match(cli.output(), /Signed in as Alice Novak/)
})

t.test('Ctrl-C gives the terminal back', async (t) => {
  const world = await createWorld(t)
  world.configure({})
  const browser = world.browser()
  const waiting = world.startOnTerminal(['login'], browser.env)
  await waiting.sees(/Waiting for your browser \(\d+ s\)/)
  waiting.type('\u0003')
  t.equal(await waiting.ended, 130, waiting.output())
  t.ok(waiting.output().lastIndexOf(show) > waiting.output().lastIndexOf(hide))
  const pasting = world.startOnTerminal(['login'])
  await pasting.prompted(1)
  pasting.type('\u0003')
  t.equal(await pasting.ended, 130, pasting.output())
  const ended = world.startOnTerminal(['login'])
  await ended.prompted(1)
  ended.type('\u0004')
  t.equal(await ended.ended, 4, 'who ends the input gives up')
})
