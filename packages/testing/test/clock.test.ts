import t from 'tap'
import { createClock, createLogSink } from '../src/index.ts'

t.test('the clock moves when told to', async (t) => {
  const clock = createClock(1_000_000)
  t.same([clock.now(), clock.monotonic()], [1_000_000, 0])
  await clock.advance(500)
  t.same([clock.now(), clock.monotonic()], [1_000_500, 500])
  clock.step(-1_000)
  t.same([clock.now(), clock.monotonic()], [999_500, 500], 'a step is the wall clock\'s alone')
  t.ok(Math.abs(createClock().now() - Date.now()) < 1000)
})

t.test('timers fire in order, at their time, with room for what they set off', async (t) => {
  const clock = createClock(0)
  const fired: string[] = []
  const mark = (name: string) => (): void => { fired.push(`${name}@${clock.monotonic()}`) }
  clock.timer(300, mark('c'))
  clock.timer(100, mark('a'))
  clock.timer(100, mark('b'))
  const cancel = clock.timer(200, mark('never'))
  clock.timer(100, () => {
    void Promise.resolve().then(() => setImmediate(() => clock.timer(50, mark('nested'))))
  })
  t.equal(clock.timers, 5)
  cancel()
  cancel()
  await clock.advance(299)
  t.same(fired, ['a@100', 'b@100', 'nested@150'])
  await clock.advance(1)
  t.same(fired.slice(3), ['c@300'])
  t.equal(clock.timers, 0)
  clock.step(10_000)
  clock.timer(-5, mark('at once'))
  await clock.advance(0)
  t.same(fired.slice(4), ['at once@300'])
})

t.test('the log sink keeps what was logged', async (t) => {
  const sink = createLogSink()
  sink.write('{"level":30,"msg":"one"}\n')
  sink.write('{"level":50,"msg":"two"}\n')
  t.match(sink.lines(), [{ msg: 'one' }, { level: 50 }])
  t.match(sink.text(), '"one"')
  sink.clear()
  t.same(sink.lines(), [])
})
