import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { startProxy, type Proxy } from '../src/proxy.ts'

/** A server that sends back what it gets, with its name before it. */
async function echo (t: Test, name: string): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('data', (data: Buffer) => socket.write(`${name}:${data.toString()}`))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return (server.address() as AddressInfo).port
}

async function client (t: Test, { port }: Proxy): Promise<Socket & { ended: Promise<unknown> }> {
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  t.teardown(() => socket.destroy())
  return Object.assign(socket, { ended: new Promise((resolve) => { socket.once('close', resolve) }) })
}

async function ask (socket: Socket, text: string): Promise<string> {
  socket.write(text)
  const [answer] = await once(socket, 'data') as [Buffer]
  return answer.toString()
}

t.test('bytes go both ways, later with a delay, and in order', async (t) => {
  const proxy = await startProxy(await echo(t, 'a'))
  t.teardown(() => proxy.close())
  const socket = await client(t, proxy)
  t.equal(await ask(socket, '1'), 'a:1')
  proxy.delay(100)
  const since = performance.now()
  socket.write('2')
  await sleep(20)
  proxy.delay(0)
  socket.write('3')
  let got = ''
  while (!got.includes('3')) got += String((await once(socket, 'data') as [Buffer])[0])
  t.match(got, /^a:2(a:)?3$/)
  t.ok(performance.now() - since >= 100, 'no earlier')
})

t.test('cut: what is open is reset, what is new too, until it is mended', async (t) => {
  const proxy = await startProxy(await echo(t, 'a'))
  t.teardown(() => proxy.close())
  const socket = await client(t, proxy)
  await ask(socket, '1')
  proxy.cut()
  await socket.ended
  await (await client(t, proxy)).ended
  t.equal(proxy.connections, 0)
  proxy.mend()
  t.equal(await ask(await client(t, proxy), '2'), 'a:2')
})

t.test('half-open: bytes are taken and nothing comes back, and nobody is told; mending tells', async (t) => {
  const proxy = await startProxy(await echo(t, 'a'))
  t.teardown(() => proxy.close())
  const [used, idle] = [await client(t, proxy), await client(t, proxy)]
  await Promise.all([ask(used, '1'), ask(idle, '1')])
  proxy.halfOpen()
  const fresh = await client(t, proxy)
  let heard = 0
  for (const socket of [used, fresh]) {
    socket.on('data', () => { heard++ })
    socket.write('2')
  }
  await sleep(100)
  t.equal(heard, 0)
  t.notOk(used.destroyed || fresh.destroyed)
  proxy.mend()
  await Promise.all([used.ended, fresh.ended])
  t.equal(await ask(idle, '3'), 'a:3', 'what lost nothing goes on')
})

t.test('it can lead elsewhere', async (t) => {
  const proxy = await startProxy(await echo(t, 'a'))
  t.teardown(() => proxy.close())
  const socket = await client(t, proxy)
  t.equal(await ask(socket, '1'), 'a:1')
  proxy.lead(await echo(t, 'b'))
  await socket.ended
  t.equal(await ask(await client(t, proxy), '2'), 'b:2')
})
