import consentry, { createApiKey } from '@consentry/fastify-plugin'
import { oidc } from '@consentry/providers'
import { consent, createBrowser, createLogSink, freePort, signIn, type LogSink, type Page } from '@consentry/testing'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { createWorld, documents, type Cli, type World } from './world.ts'

t.setTimeout(300_000)

const secret = 'a secret of the tests that is long enough'
const alice = createApiKey(secret)
const bob = createApiKey(secret)
/** A new title, an empty screen, red in one byte, and text that runs backwards. */
const rude = 'a\u001b]0;owned\u0007\u001b[2J\u009b31m\u007f\r\u202eb'

interface Server {
  world: World
  url: string
  log: LogSink
  /** Whether handles meet a server that is away. */
  away: boolean
}

/** The real plugin, whose callers are programs. */
async function startServer (t: Test): Promise<Server> {
  const world = await createWorld(t)
  const { op } = world
  const url = `http://127.0.0.1:${await freePort()}`
  op.addClient({ clientId: 'calendar', clientSecret: 'secret-of-calendar', redirectUris: [`${url}/auth/callback/calendar`] })
  op.addClient({ clientId: 'api', clientSecret: 'secret-of-api', redirectUris: [], deviceFlow: true })
  const log = createLogSink()
  const app = Fastify({ logger: { level: 'trace', stream: log } })
  t.teardown(() => app.close())
  const server: Server = { world, url, log, away: false }
  app.addHook('onRequest', async (request, reply) => server.away && request.url.endsWith('/complete') ? reply.code(503).send({}) : undefined)
  await app.register(consentry, {
    baseUrl: url,
    secret,
    providers: { calendar: oidc({ issuer: op.issuer, clientId: 'calendar', clientSecret: 'secret-of-calendar', label: 'Calendar', scopes: ['calendar.read'], allowInsecureLoopback: true }) },
    login: [],
    identity: {
      introspection: { issuer: op.issuer, introspectionEndpoint: `${op.issuer}/introspect`, clientId: 'api', clientSecret: 'secret-of-api', audience: 'api', allowMissingAudience: true, allowMissingTokenType: true },
      apiKey: { secret, find: (hash) => hash === alice.hash ? { id: 'alice' } : hash === bob.hash ? { id: 'bob' } : undefined }
    }
  })
  app.post('/report', { config: { auth: true } }, async (request, reply) => reply.execution(async (execution) => {
    execution.progress('reading')
    const grant = await execution.authorize('calendar', { scopes: ['calendar.read'] })
    const response = await grant.fetch(`${op.issuer}/calendar/events`)
    return { got: request.body, events: (await response.json() as { events: unknown[] }).events.length }
  }))
  app.post('/fail', { config: { auth: true } }, async (_request, reply) => reply.execution(async () => { throw new Error('inside') }))
  app.post('/rude', { config: { auth: true } }, async (_request, reply) => reply.execution(async (execution) => {
    execution.progress(rude)
    execution.progress({ rude })
    return `${rude}\nsecond line`
  }))
  app.post('/quick', { config: { auth: true } }, async (_request, reply) => reply.execution(async () => 'done'))
  await app.listen({ port: Number(new URL(url).port), host: '127.0.0.1' })
  return server
}

const handleOf = ({ text }: Page): string => /<code id="handle">([^<]+)</.exec(text)?.[1] ?? ''

/** Answers in a browser that is nobody's, up to the handle. */
async function answer ({ world }: Server, connectUrl: string): Promise<string> {
  const question = await createBrowser().open(connectUrl)
  const page = await question.submit({}, { button: `Continue to ${new URL(world.op.issuer).host}` })
  return handleOf(await consent(await signIn(page, 'alice'), 'allow'))
}

const question = (cli: Cli): Promise<string> => cli.sees(/(http:\/\/127\.0\.0\.1:\d+\/auth\/connect\/[\w-]+)/)

t.test('B6 a run is followed, its question answered with the handle on a terminal, its result printed', async (t) => {
  const server = await startServer(t)
  const { world, url } = server
  const browser = world.browser()
  const cli = world.startOnTerminal(['run', `${url}/report`, '--data', '{"month":"May"}'], { CONSENTRY_API_KEY: alice.key, ...browser.env })
  const connectUrl = await question(cli)
  await cli.prompted(1)
  t.match(cli.output(), `Calendar (${new URL(world.op.issuer).host}) for calendar.read`, 'B21')
  cli.type('\r')
  t.equal(await browser.opened(), connectUrl, 'B21: opened by Enter, not before')
  const handle = await answer(server, connectUrl)
  await cli.prompted(2)
  cli.type('a-wrong-handle\r')
  await cli.sees(/not known, or was used/)
  await cli.prompted(3)
  cli.type(`${handle}\r`)
  t.equal(await cli.ended, 0, cli.output())
  t.match(cli.output(), /calendar: granted/)
  t.match(cli.output(), /"month": "May"/)
  t.equal(world.op.ledger.token.authorization_code, 1)
  for (const text of [alice.key, ...world.op.ledger.secrets]) {
    t.notOk(cli.output().includes(text), 'B17')
    t.notOk(server.log.text().includes(text), 'B17')
  }

  const again = world.start(['run', '/report', '--server', url], { CONSENTRY_API_KEY: alice.key })
  t.equal(await again.ended, 0)
  t.match(JSON.parse(again.stdout()), { got: {} }, 'nobody is asked again')
})

t.test('B6 the owner\'s credential may be their own sign-in', async (t) => {
  const server = await startServer(t)
  const { world } = server
  world.configure({ provider: { issuer: world.op.issuer, clientId: 'api', allowInsecureLoopback: true } })
  const env = { CONSENTRY_LOGIN_CLIENT_SECRET: 'secret-of-api' }
  const login = world.start(['login', '--method', 'device'], env)
  const code = await login.sees(/type the code (\S+)/)
  const typed = await (await createBrowser().open(`${world.op.issuer}/device`)).submit({ user_code: code }, { button: 'Continue' })
  await consent(await signIn(await typed.submit({}, { button: 'Yes, continue' }), 'alice'), 'allow')
  t.equal(await login.ended, 0, login.output())

  const cli = world.start(['run', `${server.url}/report`], env)
  const handle = await answer(server, await question(cli))
  cli.type(`${handle}\n`)
  t.equal(await cli.ended, 0, cli.output())
  t.equal(world.op.ledger.token.authorization_code, 1)
})

t.test('B6 without a terminal: plain lines, and the handle on the standard input', async (t) => {
  const server = await startServer(t)
  const cli = server.world.start(['run', `${server.url}/report`, '--json'], { CONSENTRY_API_KEY: alice.key })
  const connectUrl = await question(cli)
  const handle = await answer(server, connectUrl)
  cli.type(`wrong\n${handle}\n`)
  t.equal(await cli.ended, 0, cli.output())
  t.match(documents(cli).map(({ type, status }) => type ?? status), ['running', 'progress', 'oauth_required', 'oauth_resolved', 'completed', 'completed'])
  t.equal(cli.stderr(), '')
})

t.test('B6 the credential of another person does not make the handle count', async (t) => {
  const server = await startServer(t)
  const cli = server.world.start(['run', `${server.url}/report`], { CONSENTRY_API_KEY: alice.key })
  const connectUrl = await question(cli)
  const handle = await answer(server, connectUrl)
  const stolen = await fetch(`${connectUrl}/complete`, { method: 'POST', headers: { 'x-api-key': bob.key, 'content-type': 'application/json' }, body: JSON.stringify({ handle }) })
  t.equal(stolen.status, 403)
  cli.type(`${handle}\n`)
  t.equal(await cli.ended, 0)
})

t.test('a run that fails, one that needs nobody, and credentials', async (t) => {
  const { world, url } = await startServer(t)
  const env = { CONSENTRY_API_KEY: alice.key }
  const failed = world.start(['run', `${url}/fail`], env)
  t.equal(await failed.ended, 1)
  t.match(failed.stderr(), 'CONSENTRY_ERR_EXECUTION_FAILED')
  t.notMatch(failed.output(), 'inside')
  const quick = world.start(['run', `${url}/quick`], env)
  t.equal(await quick.ended, 0)
  t.equal(quick.stdout(), 'done\n')

  t.equal(await world.start(['run', `${url}/quick`], { CONSENTRY_API_KEY: 'wrong' }).ended, 3)
  world.configure({})
  t.equal(await world.start(['run', `${url}/quick`]).ended, 3, 'nobody is signed in')
  for (const args of [['http://app.example/quick'], ['ftp://127.0.0.1/'], ['/quick'], [`${url.replace('//', '//user:pass@')}/quick`], [`${url}/quick`, '--data', '{'], [`${url}/quick`, '--data', '@/none']]) {
    t.equal(await world.start(['run', ...args], env).ended, 2, args.join(' '))
  }
  const away = world.start(['run', `http://127.0.0.1:${await freePort()}/quick`], env)
  t.equal(await away.ended, 6)
})

t.test('Ctrl-C ends the following; the run goes on', async (t) => {
  const server = await startServer(t)
  const cli = server.world.startOnTerminal(['run', `${server.url}/report`], { CONSENTRY_API_KEY: alice.key })
  const run = await cli.sees(/Run ([\w-]+)/)
  await cli.prompted(1)
  cli.type('\u0003')
  t.equal(await cli.ended, 130, cli.output())
  const status = await fetch(`${server.url}/executions/${run}`, { headers: { 'x-api-key': alice.key } })
  t.match(await status.json(), { status: 'oauth_required' })
})

t.test('T9 what a server writes moves no terminal', async (t) => {
  const { world, url } = await startServer(t)
  const env = { CONSENTRY_API_KEY: alice.key, TERM: 'dumb' }
  for (const args of [['run', `${url}/rude`], ['run', `${url}/rude`, '--json']]) {
    const cli = world.startOnTerminal(args, env)
    t.equal(await cli.ended, 0)
    // eslint-disable-next-line no-control-regex
    t.notMatch(cli.output().replaceAll('\r\n', '\n'), /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
    t.match(cli.output(), 'a\\u001b]0;owned\\u0007')
    if (!args.includes('--json')) t.match(cli.output(), /b\r\nsecond line\r\n$/)
  }
  const piped = world.start(['run', `${url}/rude`], env)
  t.equal(await piped.ended, 0)
  t.equal(piped.stdout(), `${rude}\nsecond line\n`, 'a program gets what there is')
  t.notOk(piped.stderr().includes('\u001b'))
  const json = world.start(['run', `${url}/rude`, '--json'], env)
  t.equal(await json.ended, 0)
  t.match(documents(json).at(-1), { result: `${rude}\nsecond line` })
})

t.test('B6 a handle that met a server that is away can be handed in again', async (t) => {
  const server = await startServer(t)
  const cli = server.world.startOnTerminal(['run', `${server.url}/report`], { CONSENTRY_API_KEY: alice.key })
  const handle = await answer(server, await question(cli))
  await cli.prompted(1)
  server.away = true
  cli.type(`${handle}\r`)
  await cli.sees(/The server cannot be reached\. Paste it again/)
  server.away = false
  await cli.prompted(2)
  cli.type(`${handle}\r`)
  t.equal(await cli.ended, 0, cli.output())
})
