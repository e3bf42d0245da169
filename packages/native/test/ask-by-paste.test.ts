import { PassThrough } from 'node:stream'
import { consent, createBrowser, signIn } from '@consentry/testing'
import t from 'tap'
import { lineReader, type ReadLine } from '../src/index.ts'
import { createWorld, path, states, until } from './world.ts'

const noBrowser = async (): Promise<void> => { throw new Error('none here') }

/** A person with a terminal, as far as lines go. */
function typist (): { readLine: ReadLine, type: (line: string | undefined) => void, readonly waiting: boolean } {
  let waiting: ((line: string | undefined) => void) | undefined
  return {
    readLine: (signal) => new Promise((resolve, reject) => {
      waiting = resolve
      signal.addEventListener('abort', () => {
        waiting = undefined
        reject(new Error('no more'))
      })
    }),
    type (line) {
      const resolve = waiting
      waiting = undefined
      resolve?.(line)
    },
    get waiting () { return waiting !== undefined }
  }
}

async function addressAtTheEnd (url: string): Promise<string> {
  const { next = '' } = await consent(await signIn(await createBrowser().open(url), 'alice'), 'allow', { stopAt: ({ pathname }) => pathname === path })
  return next
}

t.test('T14 where no browser opens, the address is shown and its end pasted; what is not the answer changes nothing', async (t) => {
  const world = await createWorld(t)
  const { readLine, type } = typist()
  const { ask, url, redirectUri, granted } = await world.begin({ openBrowser: noBrowser, readLine })
  t.same(ask, { method: 'paste', url })
  const end = await addressAtTheEnd(url)
  const state = new URL(end).searchParams.get('state') ?? ''
  const wrong: Record<string, string> = {
    '': 'CONSENTRY_ERR_RESPONSE_INVALID',
    hello: 'CONSENTRY_ERR_RESPONSE_INVALID',
    [new URL(end).search]: 'CONSENTRY_ERR_RESPONSE_INVALID',
    [end.replace('127.0.0.1', 'evil.example')]: 'CONSENTRY_ERR_RESPONSE_INVALID',
    [end.replace(path, '/other')]: 'CONSENTRY_ERR_RESPONSE_INVALID',
    [redirectUri]: 'CONSENTRY_ERR_STATE_MISMATCH',
    [end.replace(state, 'x')]: 'CONSENTRY_ERR_STATE_MISMATCH',
    [end.replace('iss=', 'iss=x')]: 'CONSENTRY_ERR_ISSUER_MISMATCH'
  }
  let told = 1
  for (const [line, refused] of Object.entries(wrong)) {
    type(line)
    await until(() => world.events.length > told)
    t.same(world.events[told++], { state: 'pending', ask, refused }, line.slice(0, 40))
  }
  t.equal(world.op.ledger.token.authorization_code, 0)
  type(`  <${end}>  `)
  t.ok(await (await granted).accessToken())
  t.same(states(world.events).slice(told), ['in_progress', 'completed'])
})

t.test('a browser of this machine may come back by itself, and the reading ends', async (t) => {
  const world = await createWorld(t)
  const person = typist()
  const { url, granted } = await world.begin({ methods: ['paste'], readLine: person.readLine })
  await until(() => person.waiting)
  const page = await consent(await signIn(await createBrowser().open(url), 'alice'), 'allow')
  t.equal(page.title, 'You are signed in')
  await granted
  t.notOk(person.waiting)
})

t.test('who ends the input gives up', async (t) => {
  const world = await createWorld(t)
  const person = typist()
  const { failed } = await world.begin({ openBrowser: noBrowser, readLine: person.readLine })
  person.type(undefined)
  t.equal(await failed(), 'CONSENTRY_ERR_FLOW_CANCELLED')
  const broken = await world.begin({ openBrowser: noBrowser, readLine: async () => { throw new Error('the terminal is gone') } })
  t.equal(await broken.failed(), 'CONSENTRY_ERR_FLOW_CANCELLED')
})

t.test('the order is that of the options; what does not work here is passed over', async (t) => {
  const world = await createWorld(t)
  const { readLine } = typist()
  const abort = new AbortController()
  const method = async (more: Parameters<typeof world.begin>[0]): Promise<string | undefined> => (await world.begin({ signal: abort.signal, ...more })).ask?.method
  t.equal(await method({ readLine, profile: '1' }), 'browser')
  t.equal(await method({ openBrowser: noBrowser, readLine, profile: '2' }), 'paste')
  t.equal(await method({ openBrowser: noBrowser, profile: '3' }), 'device')
  t.equal(await method({ methods: ['device', 'browser'], readLine, profile: '4' }), 'device')
  abort.abort()
  const none = await world.begin({ methods: ['browser', 'paste'], openBrowser: noBrowser })
  await t.rejects(none.granted, { code: 'CONSENTRY_ERR_NO_LOGIN_METHOD', cause: { message: 'No browser opens here. There is no terminal to paste into.' } })
  t.same(world.events.at(-1), { state: 'failed', code: 'CONSENTRY_ERR_NO_LOGIN_METHOD' })
})

t.test('lines are read from a terminal, and from nothing else', async (t) => {
  t.equal(lineReader({ input: new PassThrough(), output: new PassThrough() }), undefined)
  const modes: boolean[] = []
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (raw: boolean) => { modes.push(raw) } })
  let interrupts = 0
  const readLine = lineReader({ input, output: new PassThrough(), onInterrupt: () => { interrupts++ } })
  if (readLine === undefined) return t.fail('a reader')
  const { signal } = new AbortController()
  const long = `https://example.com/?${'x'.repeat(9_000)}`
  const read = readLine(signal)
  input.write(`${long}\r`)
  t.equal(await read, long, 'longer than a terminal gives lines')
  const abort = new AbortController()
  const aborted = readLine(abort.signal)
  abort.abort(new Error('enough'))
  await t.rejects(aborted, { message: 'enough' })
  await t.rejects(readLine(abort.signal), { message: 'enough' })
  const interrupted = readLine(signal)
  input.write('\u0003')
  t.equal(await interrupted, undefined)
  t.equal(interrupts, 1)
  t.same(modes, [true, false, true, false, true, false], 'the terminal is left as it was')
})
