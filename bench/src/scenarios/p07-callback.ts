import type { Row, Server, Surroundings } from '../row.ts'
import { leadsTo, listen, overHttp, peer, type Service } from './http.ts'
import { answered, type Login } from '../logins/login.ts'

/** More than any way here can answer in a second. */
const perSecond = 10_000

/** Answers to sign-ins that were begun before the round. */
function answers ({ duration }: Surroundings, next: (subject: string) => ReturnType<typeof answered>): Service {
  let count = 0
  return {
    once: Math.ceil(perSecond * duration / 1_000),
    async requests (wanted) {
      const requests = []
      for (let index = 0; index < wanted; index++) requests.push(await next(`user-${count++}`))
      return requests
    },
    check: leadsTo('/')
  }
}

function callback (start: (issuer: string) => Promise<Login>): (surroundings: Surroundings) => Promise<Server> {
  return async (surroundings) => {
    const login = await start(surroundings.issuer)
    return listen(login.app, answers(surroundings, (subject) => answered(login, subject)))
  }
}

async function limit (issuer: string): Promise<Login> {
  const [{ byHand }, { byCrypto }] = await Promise.all([import('../logins/by-hand.ts'), import('../logins/crypto.ts')])
  return byHand(issuer, await byCrypto(issuer))
}

async function oauth4webapi (issuer: string, over: 'undici' | 'fetch'): Promise<Login> {
  const [{ byHand }, { byOauth4webapi }] = await Promise.all([import('../logins/by-hand.ts'), import('../logins/oauth4webapi.ts')])
  return byHand(issuer, await byOauth4webapi(issuer, over))
}

export const row: Row = {
  id: 'P7',
  title: 'The callback that ends a sign-in',
  method: 'Every request answers a sign-in of its own, begun before: browser and state are compared, the code is exchanged at an issuer on this machine, the ID token verified, a session made. arctic and the first of @fastify/oauth2 verify no ID token.',
  services: ['issuer'],
  metrics: overHttp,
  variants: [
    { name: 'limit', label: 'undici and node:crypto, by hand', role: 'limit', start: callback(limit) },
    peer('oauth2', '@fastify/oauth2, no ID token', callback(async (issuer) => (await import('../logins/fastify-oauth2.ts')).fastifyOauth2(issuer, { idToken: false }))),
    peer('oauth2-id-token', '@fastify/oauth2, jose for the ID token', callback(async (issuer) => (await import('../logins/fastify-oauth2.ts')).fastifyOauth2(issuer, { idToken: true }))),
    peer('oauth4webapi-undici', 'oauth4webapi over undici', callback((issuer) => oauth4webapi(issuer, 'undici'))),
    peer('oauth4webapi', 'oauth4webapi over fetch', callback((issuer) => oauth4webapi(issuer, 'fetch'))),
    peer('arctic', 'arctic', callback(async (issuer) => (await import('../logins/arctic.ts')).arctic(issuer))),
    peer('openid-client', 'openid-client', callback(async (issuer) => (await import('../logins/openid-client.ts')).openidClient(issuer))),
    {
      name: 'ours',
      label: '@consentry/fastify-plugin',
      role: 'ours',
      async start (surroundings) {
        const { answeredLogin, application } = await import('./ours.ts')
        const ours = await application(surroundings)
        return ours.listen(answers(surroundings, (subject) => answeredLogin(ours, subject)))
      }
    }
  ],
  goals: [{ metric: 'rate', to: 'limit', atLeast: 0.45 }]
}
