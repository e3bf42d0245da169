import Fastify from 'fastify'
import { orderTokens } from '../issuer.ts'
import type { Row, Surroundings } from '../row.ts'
import { bare, knowsUser, listen, overHttp, peer, type Service } from './http.ts'
import { bearerOf, jwtByFastify, jwtByJose, jwtByOurs, verifierByHand } from './jwt.ts'

/** More than any way here can verify in a second. */
const perSecond = 20_000

/** Tokens that nobody has seen yet. */
function fresh ({ issuer, duration }: Surroundings): Pick<Service, 'requests' | 'once'> {
  let first = 0
  return {
    once: Math.ceil(perSecond * duration / 1_000),
    async requests (count) {
      const tokens = await orderTokens(issuer, { first, count })
      first += count
      return tokens.map((token) => ({ path: '/', headers: { authorization: `Bearer ${token}` } }))
    }
  }
}

export const row: Row = {
  id: 'P2',
  title: 'GET with a JWT that is new',
  method: 'As P1, but every request has a token of a user of its own.',
  services: ['issuer'],
  metrics: overHttp,
  variants: [
    bare,
    peer('crypto', 'node:crypto by hand', async (surroundings) => {
      const verify = await verifierByHand(surroundings)
      const app = Fastify()
      app.get('/', async (request) => ({ userId: verify(bearerOf(request)) }))
      return listen(app, { ...fresh(surroundings), check: knowsUser })
    }),
    peer('fastify-jwt', '@fastify/jwt', (surroundings) => jwtByFastify(surroundings, {}, fresh(surroundings))),
    peer('jose', 'jose by hand', (surroundings) => jwtByJose(surroundings, fresh(surroundings))),
    { name: 'ours', label: '@consentry/fastify-plugin', role: 'ours', start: (surroundings) => jwtByOurs(surroundings, fresh(surroundings)) }
  ],
  goals: [{ metric: 'rate', to: 'fastify-jwt', atLeast: 1 }]
}
