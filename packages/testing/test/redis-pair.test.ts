import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startRedisPair } from '../src/redis-pair.ts'

const pair = await startRedisPair()
t.teardown(() => pair.close())

/** At the address, whoever is behind it. */
async function ask (command: string): Promise<string> {
  const socket = connect(pair.port, '127.0.0.1').on('error', () => {})
  socket.write(`${command}\r\n`)
  const [answer] = await once(socket, 'data') as [Buffer]
  socket.destroy()
  return answer.toString().trim()
}

t.test('what the replica has heard of survives a failover, and what it has not is gone', async (t) => {
  await ask('SET heard 1')
  await pair.heard()
  pair.lag()
  t.equal(await ask('SET unheard 1'), '+OK', 'the master says nothing of it')
  const { master: before } = pair
  await pair.failOver()
  t.not(pair.master, before)
  t.equal(await ask('EXISTS heard'), ':1')
  t.equal(await ask('EXISTS unheard'), ':0')
})

t.test('the fallen one follows, and takes its place again', async (t) => {
  await ask('SET again 1')
  await pair.heard()
  await pair.failOver()
  t.equal(await ask('EXISTS again'), ':1')
  t.equal(await ask('EXISTS heard'), ':1')
})

t.test('a lag can end', async (t) => {
  pair.lag()
  await ask('SET late 1')
  await sleep(50)
  await pair.catchUp()
  await pair.heard()
  await pair.failOver()
  t.equal(await ask('EXISTS late'), ':1')
})
