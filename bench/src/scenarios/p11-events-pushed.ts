import { startChild } from '../child.ts'
import { audience, orderTokens } from '../issuer.ts'
import { mostConnections } from '../open-files.ts'
import type { Row, Sample, Surroundings, Trial } from '../row.ts'
import type { Question } from '../sockets-process.ts'
import type { Pusher } from './push.ts'

export const row: Row = {
  id: 'P11',
  title: 'One event for each of 10,000 WebSockets',
  method: 'Clients are in another process, and count. Each of ours is of a user of its own, signed in by a JWT, who has a run that says how far it is: an event with its number, written to the log, and sent to its owner alone. The others send a text of the same size.',
  services: ['issuer'],
  mostRounds: 5,
  growth: { of: 'connections', sizes: [1_000, 10_000, 25_000], metric: 'micros' },
  metrics: {
    rate: { label: 'events', unit: '/s', better: 'higher' },
    micros: { label: 'processor', unit: 'µs each', better: 'lower' }
  },
  variants: [
    { name: 'limit', label: 'raw sockets', role: 'limit', start: async (surroundings) => trial(surroundings, await (await import('./push.ts')).rawSockets()) },
    { name: 'ws', label: 'ws', role: 'peer', start: async (surroundings) => trial(surroundings, await (await import('./push.ts')).ws()) },
    { name: 'fastify-websocket', label: '@fastify/websocket', role: 'peer', start: async (surroundings) => trial(surroundings, await (await import('./push.ts')).fastifyWebsocket()) },
    { name: 'ours', label: '@consentry/fastify-plugin', role: 'ours', start: ours }
  ],
  goals: [{ metric: 'rate', to: 'limit', atLeast: 0.85 }]
}

/** The clients come first, each with its headers. */
async function trial (surroundings: Surroundings, { url, push, close }: Pusher, headers?: ReadonlyArray<Readonly<Record<string, string>>>): Promise<Trial> {
  const count = sizeOf(surroundings)
  const clients = await startChild<Question>('load', new URL('../sockets-process.js', import.meta.url), {})
  await clients.ask({ do: 'open', url, headers: headers ?? Array.from({ length: count }, () => ({})) })
  return {
    kind: 'trial',
    async round (): Promise<Sample> {
      const received = clients.ask({ do: 'received', count })
      const before = process.cpuUsage()
      const began = performance.now()
      push()
      await received
      const millis = performance.now() - began
      const { user, system } = process.cpuUsage(before)
      return { rate: count * 1_000 / millis, micros: (user + system) / count }
    },
    async close () {
      await clients.close()
      await close()
    }
  }
}

/** As many as the row says, or as this machine lets a process have. */
function sizeOf ({ scale, size = 10_000 }: Surroundings): number {
  return scale === 'few' ? 20 : Math.min(size, mostConnections())
}

async function ours (surroundings: Surroundings): Promise<Trial> {
  const [{ application }, { userId }] = await Promise.all([import('./ours.ts'), import('@consentry/user-identity')])
  const { issuer } = surroundings
  const count = sizeOf(surroundings)
  const { app, baseUrl, ...server } = await application(surroundings, { identity: { jwt: { issuers: [{ issuer, audience, jwksUri: `${issuer}/jwks`, algorithms: ['ES256'] }] } } })
  await server.listen({ requests: () => [], check: () => {} })
  const reports: Array<() => void> = []
  for (let index = 0; index < count; index++) {
    let step = 0
    await app.consentry.executions.start({ userId: userId({ issuer, subject: `user-${index}` }) }, async (execution) => {
      reports.push(() => { execution.progress({ step: step++ }) })
      await new Promise(() => {})
    })
  }
  const tokens = await orderTokens(issuer, { first: 0, count })
  return trial(surroundings, {
    url: `${baseUrl.replace('http', 'ws')}/executions/ws`,
    push () { for (const report of reports) report() },
    close: () => app.close()
  }, tokens.map((token) => ({ authorization: `Bearer ${token}` })))
}
