import { ConsentryError } from '@consentry/core'
import t from 'tap'
import { createFairQueue } from '../src/fair-queue.ts'
import { verifyPassword, type Client } from '../src/index.ts'
import { quickHash } from './passwords.ts'

/** Work that ends when it is told to, one after the other. */
function setup (mostWaiting = 32, atOnce = 2) {
  const queue = createFairQueue({ atOnce, mostWaiting })
  const started: string[] = []
  const ends: Array<() => void> = []
  const run = (name: string, client: Client | undefined = { address: name.split(' ')[0] }) => queue.run(() => {
    started.push(name)
    return new Promise<string>((resolve) => { ends.push(() => { resolve(name) }) })
  }, client).catch((error: unknown) => ConsentryError.is(error) ? error.code : error)
  const step = async () => {
    ends.shift()?.()
    await new Promise((resolve) => { setImmediate(resolve) })
  }
  return { run, started, step, ownWork: (name: string) => queue.run(async () => { started.push(name) }) }
}

const range = (length: number) => Array.from({ length }, (_, n) => n)

t.test('T16: so many run at once, and the addresses take turns', async (t) => {
  const { run, started, step } = setup()
  const all = ['a 1', 'a 2', 'a 3', 'a 4', 'b 1', 'c 1', 'b 2'].map((name) => run(name))
  t.same(started, ['a 1', 'a 2'])
  for (const _ of all) await step()
  t.same(started, ['a 1', 'a 2', 'a 3', 'b 1', 'c 1', 'a 4', 'b 2'])
  t.same(await Promise.all(all), ['a 1', 'a 2', 'a 3', 'a 4', 'b 1', 'c 1', 'b 2'])
})

t.test('T16: beyond that who has the most waiting gives way', async (t) => {
  const { run, started, step } = setup(4)
  const flood = range(20).map((n) => run(`a ${n}`))
  const right = run('b 1')
  const answers = Promise.all(flood)
  await step()
  t.same(started, ['a 0', 'a 1', 'a 2'])
  await step()
  t.same(started, ['a 0', 'a 1', 'a 2', 'b 1'], 'the next turn is another\'s')
  for (const _ of range(4)) await step()
  t.equal(await right, 'b 1')
  const codes = await answers
  t.same(codes.slice(0, 5), ['a 0', 'a 1', 'a 2', 'a 3', 'a 4'])
  t.ok(codes.slice(5).every((code) => code === 'CONSENTRY_ERR_BUSY'), 'the others can try again')
  t.equal(codes.length, 20)
})

t.test('T16: when all have the same share, who comes last is turned away', async (t) => {
  const { run } = setup(4)
  for (const name of ['a 1', 'a 2', 'a 3', 'a 4', 'b 1', 'b 2']) void run(name)
  t.equal(await run('a 5'), 'CONSENTRY_ERR_BUSY')
  t.equal(await run('b 3'), 'CONSENTRY_ERR_BUSY')
})

t.test('T16: who is gone before the turn comes is dropped, and makes room', async (t) => {
  const { run, started, step } = setup(3)
  const gone = new Set<string>()
  const client = (name: string) => ({ address: 'a', isGone: () => gone.has(name) })
  const first = ['1', '2', '3', '4', '5'].map((name) => run(name, client(name)))
  gone.add('3').add('4')
  const six = run('6', client('6'))
  const seven = run('7', client('7'))
  gone.add('5')
  for (const _ of range(4)) await step()
  t.same(started, ['1', '2', '6', '7'])
  t.same(await Promise.all(first), ['1', '2', ...Array<string>(3).fill('CONSENTRY_ERR_BUSY')])
  t.same(await Promise.all([six, seven]), ['6', '7'])
})

t.test('the server\'s own work waits its turn and is never turned away', async (t) => {
  const { run, started, step, ownWork } = setup(1)
  const others = range(5).map((n) => run(`a ${n}`))
  const own = Promise.all(range(50).map((n) => ownWork(`own ${n}`)))
  for (const _ of range(3)) await step()
  await own
  t.equal(started.filter((name) => name.startsWith('own')).length, 50)
  t.same((await Promise.all(others)).slice(3), ['CONSENTRY_ERR_BUSY', 'CONSENTRY_ERR_BUSY'])
})

t.test('T16: work that fails gives its place back', async (t) => {
  const queue = createFairQueue({ atOnce: 1, mostWaiting: 1 })
  for (const _ of range(3)) await t.rejects(queue.run(async () => { throw new Error('mine') }, {}), /mine/)
  t.equal(await queue.run(async () => 'done', {}), 'done')
})

t.test('T12 T16: passwords are checked by this queue, for users that nobody knows too', async (t) => {
  const hash = quickHash('right', 14)
  const answers = await Promise.all(range(60).map((n) => verifyPassword('wrong', n % 2 === 0 ? hash : quickHash('other', 14), { address: '192.0.2.1' }).catch((error: unknown) => error as ConsentryError)))
  t.equal(answers.filter((answer) => answer === false).length, 34)
  const refused = answers.filter((answer) => answer !== false)
  t.equal(refused.length, 26)
  for (const error of refused) t.match(error, { code: 'CONSENTRY_ERR_BUSY', retryable: true, retryAfter: 1000 })
  t.equal(await verifyPassword('right', hash, { address: '192.0.2.1' }), true)
})
