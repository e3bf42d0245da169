import { createApiKey } from '@consentry/user-identity'
import Fastify from 'fastify'
import { createHash, randomBytes } from 'node:crypto'
import type { Row } from '../row.ts'
import { always, bare, knowsUser, listen, overHttp, peer } from './http.ts'
import { bearerOf } from './jwt.ts'

const secret = 'a secret of the bench that is long enough'

export const row: Row = {
  id: 'P4',
  title: 'GET with an API key',
  method: 'One key of 256 bits as a bearer token, among a thousand that are known.',
  services: ['issuer'],
  metrics: overHttp,
  variants: [
    bare,
    peer('bearer-auth', '@fastify/bearer-auth', async () => {
      const { default: bearerAuth } = await import('@fastify/bearer-auth')
      const keys = Array.from({ length: 1_000 }, () => randomBytes(32).toString('base64url'))
      const app = Fastify()
      await app.register(bearerAuth, { keys: new Set(keys) })
      app.get('/', async () => ({ userId: 'user-0' }))
      return listen(app, { requests: always({ authorization: `Bearer ${keys[500] ?? ''}` }), check: knowsUser })
    }),
    peer('hashed', 'a Map of hashed keys, by hand', async () => {
      const keys = Array.from({ length: 1_000 }, () => randomBytes(32).toString('base64url'))
      const known = new Map(keys.map((key, index) => [hash(key), `user-${index}`]))
      const app = Fastify()
      app.get('/', async (request, reply) => {
        const userId = known.get(hash(bearerOf(request)))
        return userId === undefined ? reply.code(401).send() : { userId }
      })
      return listen(app, { requests: always({ authorization: `Bearer ${keys[500] ?? ''}` }), check: knowsUser })
    }),
    {
      name: 'ours',
      label: '@consentry/fastify-plugin',
      role: 'ours',
      async start (surroundings) {
        const keys = Array.from({ length: 1_000 }, () => createApiKey(secret))
        const known = new Map(keys.map(({ hash }, index) => [hash, { id: `key-${index}` }]))
        const { application } = await import('./ours.ts')
        const ours = await application(surroundings, { identity: { apiKey: { secret, find: (hash) => known.get(hash) } } })
        return ours.listen({ requests: always({ authorization: `Bearer ${keys[500]?.key ?? ''}` }), check: knowsUser })
      }
    }
  ],
  goals: [{ metric: 'rate', to: 'limit', atLeast: 0.6 }]
}

function hash (key: string): string {
  return createHash('sha256').update(key).digest('base64url')
}
