import Fastify, { type FastifyInstance } from 'fastify'
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Row, Server } from '../row.ts'
import { always, bare, cookiesOf, knowsUser, listen, overHttp, peer } from './http.ts'

const secret = 'a secret of the bench that is long enough'
/** How many sign in by redirect and callback, of all who are signed in. */
const mostSignedIn = 1_000
const user = { userId: 'user-0', name: 'Alice Example', email: 'alice@example.com', groups: ['staff'] }

export const row: Row = {
  id: 'P3',
  title: 'GET with a session cookie, state in memory',
  method: 'Somebody has signed in; every request has their cookie. Ours signed in at an issuer, by redirect and callback. The answer holds who is calling.',
  services: ['issuer'],
  growth: { of: 'users', sizes: [1_000, 10_000, 100_000], metric: 'micros' },
  metrics: overHttp,
  variants: [
    bare,
    peer('map', 'a signed cookie and a Map, by hand', byHand),
    peer('secure-session', '@fastify/secure-session', secureSession),
    peer('session', '@fastify/session', fastifySession),
    peer('iron-session', 'iron-session', ironSession),
    peer('better-auth', 'better-auth', betterAuth),
    {
      name: 'ours',
      label: '@consentry/fastify-plugin',
      role: 'ours',
      async start (surroundings) {
        const { application, signIn } = await import('./ours.ts')
        const ours = await application(surroundings)
        const { size = 1 } = surroundings
        const cookies: string[] = []
        while (cookies.length < Math.min(size, mostSignedIn)) cookies.push(await signIn(ours, `user-${cookies.length}`))
        // The rest is in the store like them, and does not call.
        const { sessions } = ours.app.consentry
        const [one] = await sessions.list({ tenant: 'default', userId: await whoIs(ours.app, cookies[0] ?? '') })
        for (let index = cookies.length; index < size; index++) await sessions.create({ tenant: 'default', userId: `user-${index}` }, one?.data as never)
        const requests = cookies.map((cookie) => ({ path: '/', headers: { cookie } }))
        return ours.listen({ requests: () => requests, check: knowsUser })
      }
    }
  ],
  goals: [
    { metric: 'rate', to: 'limit', atLeast: 0.55 },
    { metric: 'rate', to: 'session', atLeast: 2 }
  ]
}

async function whoIs (app: FastifyInstance, cookie: string): Promise<string> {
  return (await app.inject({ url: '/', headers: { cookie } })).json<{ userId: string }>().userId
}

/** RFC 2104, as @fastify/cookie signs. */
function sign (id: string): Buffer {
  return createHmac('sha256', secret).update(id).digest()
}

async function byHand (): Promise<Server> {
  const { default: cookie } = await import('@fastify/cookie')
  const sessions = new Map([['session-0', user]])
  const app = Fastify()
  await app.register(cookie)
  app.get('/', async ({ cookies: { session = '' } }, reply) => {
    const [id = '', signature = ''] = session.split('.')
    const presented = Buffer.from(signature, 'base64url')
    const found = presented.length === 32 && timingSafeEqual(sign(id), presented) ? sessions.get(id) : undefined
    return found === undefined ? reply.code(401).send() : { userId: found.userId }
  })
  return listen(app, { requests: always({ cookie: `session=session-0.${sign('session-0').toString('base64url')}` }), check: knowsUser })
}

async function secureSession (): Promise<Server> {
  const { default: secureSession } = await import('@fastify/secure-session')
  const app = Fastify()
  await app.register(secureSession, { key: randomBytes(32), cookie: { path: '/', httpOnly: true } })
  app.get('/login', async ({ session }) => {
    session.set('user' as never, user as never)
    return user
  })
  app.get('/', async ({ session }) => ({ userId: (session.get('user' as never) as typeof user | undefined)?.userId }))
  const cookie = cookiesOf(await app.inject('/login'))
  return listen(app, { requests: always({ cookie }), check: knowsUser })
}

async function fastifySession (): Promise<Server> {
  const [{ default: cookie }, { default: session }] = await Promise.all([import('@fastify/cookie'), import('@fastify/session')])
  const app = Fastify()
  await app.register(cookie)
  await app.register(session, { secret, cookie: { secure: false } })
  app.get('/login', async ({ session }) => {
    session.set('user' as never, user as never)
    return user
  })
  app.get('/', async ({ session }) => ({ userId: (session.get('user' as never) as typeof user | undefined)?.userId }))
  const cookies = cookiesOf(await app.inject('/login'))
  return listen(app, { requests: always({ cookie: cookies }), check: knowsUser })
}

async function ironSession (): Promise<Server> {
  const { getIronSession } = await import('iron-session')
  const options = { password: secret, cookieName: 'session', cookieOptions: { secure: false } }
  const app = Fastify()
  app.get('/login', async (request, reply) => {
    const session = await getIronSession<{ user?: typeof user }>(request.raw, reply.raw, options)
    session.user = user
    await session.save()
    // What it wrote is on the raw reply.
    return reply.header('set-cookie', reply.raw.getHeader('set-cookie')).send(user)
  })
  app.get('/', async (request, reply) => {
    const session = await getIronSession<{ user?: typeof user }>(request.raw, reply.raw, options)
    return { userId: session.user?.userId }
  })
  const cookie = cookiesOf(await app.inject('/login'))
  return listen(app, { requests: always({ cookie }), check: knowsUser })
}

async function betterAuth (): Promise<Server> {
  const [{ betterAuth }, { memoryAdapter }] = await Promise.all([import('better-auth'), import('better-auth/adapters/memory')])
  const auth = betterAuth({
    baseURL: 'http://127.0.0.1',
    secret,
    database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
    emailAndPassword: { enabled: true },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    logger: { disabled: true }
  })
  const { headers } = await auth.api.signUpEmail({ body: { name: user.name, email: user.email, password: secret }, returnHeaders: true })
  const cookie = headers.getSetCookie().map((each) => each.split(';', 1)[0]).join('; ')
  const app = Fastify()
  app.get('/', async ({ headers: { cookie = '' } }) => {
    const session = await auth.api.getSession({ headers: new Headers({ cookie }) })
    return { userId: session?.user.id }
  })
  return listen(app, { requests: always({ cookie }), check: knowsUser })
}
