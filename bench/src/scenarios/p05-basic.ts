import { hashPassword, passwordTable } from '@consentry/user-identity'
import Fastify from 'fastify'
import type { Row } from '../row.ts'
import { always, bare, knowsUser, listen, overHttp, peer } from './http.ts'

const [username, password] = ['alice', 'correct horse battery staple']
const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`

export const row: Row = {
  id: 'P5',
  title: 'GET with a user name and a password that were checked before',
  method: 'Basic, the same in every request. The peer compares texts; ours has scrypt behind it, and remembers who was verified.',
  services: ['issuer'],
  metrics: overHttp,
  variants: [
    bare,
    peer('basic-auth', '@fastify/basic-auth, plain comparison', async () => {
      const { default: basicAuth } = await import('@fastify/basic-auth')
      const app = Fastify()
      await app.register(basicAuth, {
        async validate (name, given) {
          if (name !== username || given !== password) throw new Error('refused')
        }
      })
      app.get('/', { onRequest: app.basicAuth }, async () => ({ userId: 'user-0' }))
      return listen(app, { requests: always({ authorization }), check: knowsUser })
    }),
    {
      name: 'ours',
      label: '@consentry/fastify-plugin, scrypt',
      role: 'ours',
      async start (surroundings) {
        const check = passwordTable({ [username]: { hash: await hashPassword(password) } })
        const { application } = await import('./ours.ts')
        const ours = await application(surroundings, { identity: { basic: { realm: 'bench', check } } })
        await ours.app.inject({ url: '/', headers: { authorization } })
        return ours.listen({ requests: always({ authorization }), check: knowsUser })
      }
    }
  ],
  goals: [{ metric: 'rate', to: 'limit', atLeast: 0.5 }]
}
