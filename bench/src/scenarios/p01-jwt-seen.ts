import Fastify from 'fastify'
import { orderTokens } from '../issuer.ts'
import type { Row, Surroundings } from '../row.ts'
import { bare, knowsUser, listen, overHttp, peer, type Service } from './http.ts'
import { jwtByFastify, jwtByJose, jwtByOurs, verifierByHand, bearerOf } from './jwt.ts'

/** Tokens that are seen again and again: one, or as many as there are users. */
async function seen ({ issuer, size = 1 }: Surroundings): Promise<Service['requests']> {
  const tokens = await orderTokens(issuer, { first: 0, count: size })
  const requests = tokens.map((token) => ({ path: '/', headers: { authorization: `Bearer ${token}` } }))
  return () => requests
}

export const row: Row = {
  id: 'P1',
  title: 'GET with a JWT that was seen before',
  method: 'An access token signed with ES256, about 500 characters, the same in every request. The answer holds who is calling.',
  services: ['issuer'],
  growth: { of: 'users', sizes: [1_000, 10_000, 100_000], metric: 'micros' },
  metrics: overHttp,
  variants: [
    bare,
    peer('map', 'a Map of verified tokens, by hand', async (surroundings) => {
      const verify = await verifierByHand(surroundings)
      const known = new Map<string, string>()
      const app = Fastify()
      app.get('/', async (request) => {
        const token = bearerOf(request)
        let userId = known.get(token)
        if (userId === undefined) known.set(token, userId = verify(token))
        return { userId }
      })
      return listen(app, { requests: await seen(surroundings), check: knowsUser })
    }),
    peer('fastify-jwt-cache', '@fastify/jwt with its cache', async (surroundings) => jwtByFastify(surroundings, { cache: true }, { requests: await seen(surroundings) })),
    peer('fastify-jwt', '@fastify/jwt', async (surroundings) => jwtByFastify(surroundings, {}, { requests: await seen(surroundings) })),
    peer('jose', 'jose by hand', async (surroundings) => jwtByJose(surroundings, { requests: await seen(surroundings) })),
    { name: 'ours', label: '@consentry/fastify-plugin', role: 'ours', start: async (surroundings) => jwtByOurs(surroundings, { requests: await seen(surroundings) }) }
  ],
  goals: [
    { metric: 'rate', to: 'limit', atLeast: 0.7 },
    { metric: 'rate', to: 'fastify-jwt-cache', atLeast: 1.7 }
  ]
}
