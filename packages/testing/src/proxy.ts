import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'

/** A way to a server of this machine that can be made a bad one. */
export interface Proxy {
  /** Where it listens, on 127.0.0.1. */
  readonly port: number
  /** How many connections are open. */
  readonly connections: number
  /** From here on every byte takes this much longer, in milliseconds, in both directions. */
  delay (ms: number): void
  /** Resets all connections, and every new one. */
  cut (): void
  /** Takes what is sent and hands on nothing, also over new connections: nobody is told that the other side is gone. */
  halfOpen (): void
  /** All is well again; connections that lost something on their way are reset. */
  mend (): void
  /** Leads somewhere else from here on, and resets what leads elsewhere. */
  lead (port: number): void
  /** Stops listening and cuts the connections. */
  close (): Promise<void>
}

/** Starts a proxy of TCP in front of this port of 127.0.0.1. */
export async function startProxy (target: number): Promise<Proxy> {
  let state: 'well' | 'cut' | 'half-open' = 'well'
  let latency = 0
  /** Both ends of each connection, and whether something was swallowed between them. */
  const pairs = new Map<Socket, { upstream: Socket, damaged: boolean }>()

  function reset (client: Socket): void {
    const pair = pairs.get(client)
    pairs.delete(client)
    for (const socket of [client, pair?.upstream]) {
      // One that is not there yet, or not any more, has nothing to reset.
      if (socket?.readyState === 'open') socket.resetAndDestroy()
      else socket?.destroy()
    }
  }

  function resetAll (which: (damaged: boolean) => boolean = () => true): void {
    for (const [client, { damaged }] of pairs) if (which(damaged)) reset(client)
  }

  /** In order, whatever the latency was when each piece came. */
  function forward (from: Socket, to: Socket, client: Socket): void {
    let before = Promise.resolve()
    from.on('data', (chunk: Buffer) => {
      const due = performance.now() + latency
      before = before.then(async () => {
        const left = due - performance.now()
        if (left > 0) await sleep(left)
        const pair = pairs.get(client)
        if (pair === undefined) return
        if (state === 'half-open') pair.damaged = true
        else to.write(chunk)
      })
    })
    from.on('error', () => {})
    from.on('close', () => { before = before.then(() => { if (state !== 'half-open') reset(client) }) })
  }

  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1')
    pairs.set(client, { upstream, damaged: state === 'half-open' })
    forward(client, upstream, client)
    forward(upstream, client, client)
    if (state === 'cut') reset(client)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  return {
    port: (server.address() as AddressInfo).port,
    get connections () { return pairs.size },
    delay (ms) { latency = ms },
    cut () {
      state = 'cut'
      resetAll()
    },
    halfOpen () { state = 'half-open' },
    mend () {
      state = 'well'
      latency = 0
      // An end that closed meanwhile could not be told of.
      resetAll((damaged) => damaged)
      for (const [client, { upstream }] of pairs) if (client.destroyed || upstream.destroyed) reset(client)
    },
    lead (port) {
      target = port
      resetAll()
    },
    async close () {
      const closed = once(server, 'close')
      server.close()
      resetAll()
      await closed
    }
  }
}
