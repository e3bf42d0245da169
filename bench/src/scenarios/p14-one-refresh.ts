import { randomId, systemRandomBytes } from '@consentry/core'
import { startChild, type Child } from '../child.ts'
import { tokenRequests } from '../issuer.ts'
import type { Row, Surroundings, Trial } from '../row.ts'
import type { Counted, NodeOptions, Question } from './p14-node.ts'

const nodes = 4

export const row: Row = {
  id: 'P14',
  title: '10,000 callers of one grant that has expired, on four nodes',
  method: 'Four processes that hold the grant, each with 2,500 callers of accessToken() at once; the token endpoint takes 50 ms. Grants are in one Redis. Commands are those of a node that did not ask, or of the one that did; its 2,499 other callers cost none.',
  services: ['redis', 'issuer'],
  mostRounds: 5,
  metrics: {
    requests: { label: 'token requests', unit: '', better: 'lower' },
    joining: { label: 'Redis commands of a node that joins', unit: '', better: 'lower' },
    asking: { label: 'Redis commands of the node that asks', unit: '', better: 'lower' },
    millis: { label: 'until all have the token', unit: 'ms', better: 'lower' }
  },
  variants: [{ name: 'ours', label: '@consentry/core over @consentry/token-stores', role: 'ours', start: ours }],
  goals: [
    { metric: 'requests', atLeast: 1, atMost: 1 },
    { metric: 'joining', atMost: 3 }
  ]
}

async function ours ({ redis, issuer, scale }: Surroundings): Promise<Trial> {
  const children: Array<Child<Question>> = []
  for (let index = 0; index < nodes; index++) {
    const options: NodeOptions = { redis, issuer, callers: scale === 'few' ? 25 : 2_500 }
    children.push(await startChild<Question>(index % 2 === 0 ? 'measured' : 'load', new URL('p14-node.js', import.meta.url), options))
  }
  const all = (question: Question): Promise<unknown[]> => Promise.all(children.map((child) => child.ask(question)))
  return {
    kind: 'trial',
    async round () {
      const before = await tokenRequests(issuer)
      const userId = randomId(16, systemRandomBytes)
      await children[0]?.ask({ do: 'save', userId })
      await all({ do: 'hold', userId })
      const counted = await all({ do: 'call' }) as Counted[]
      const tokens = new Set(counted.flatMap(({ tokens }) => tokens))
      if (tokens.size !== 1) throw new Error(`${tokens.size} different tokens`)
      const asked = counted.filter(({ asked }) => asked)
      const joined = counted.filter(({ asked }) => !asked)
      return {
        requests: await tokenRequests(issuer) - before,
        joining: commandsOf(joined),
        asking: commandsOf(asked),
        millis: Math.max(...counted.map(({ millis }) => millis))
      }
    },
    async close () {
      await Promise.all(children.map((child) => child.close()))
    }
  }
}

/** In the mean. */
function commandsOf (nodes: readonly Counted[]): number {
  return nodes.reduce((sum, { commands }) => sum + commands, 0) / nodes.length
}
