import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { consent, createBrowser, signIn, startKeyring } from '@consentry/testing'
import t from 'tap'
import { createWorld, documents, type Cli, type World } from './world.ts'

t.setTimeout(300_000)

async function answer (url: string, decision: 'allow' | 'deny' = 'allow'): Promise<string> {
  return (await consent(await signIn(await createBrowser().open(url), 'alice'), decision)).title
}

async function signedInWorld (world: World, args: string[] = [], env: Record<string, string> = {}): Promise<Cli> {
  const browser = world.browser()
  const cli = world.start(['login', ...args], { ...browser.env, ...env })
  await answer(await browser.opened())
  return cli
}

t.test('without a terminal: login, token, status, logout, in plain lines', async (t) => {
  const world = await createWorld(t)
  world.configure({})
  const out = world.start(['status'])
  t.equal(await out.ended, 3)
  t.equal(out.stdout(), `Not signed in at ${new URL(world.op.issuer).host}.\n`)

  const login = await signedInWorld(world)
  t.equal(await login.ended, 0, login.output())
  t.equal(login.stdout(), 'Signed in as Alice Novak. The tokens are in the file.\n')
  t.match(login.stderr(), /^Your browser opens .*\nhttp:\/\/localhost:\d+\/authorize\?\S+\nWaiting for your browser\nSigning in\n$/)
  t.notOk(login.output().includes('\u001b'), 'no escape sequences')

  const token = world.start(['token'])
  t.equal(await token.ended, 0)
  t.match(token.stdout(), /^\S+\n$/)
  t.equal(token.stderr(), '')
  const events = await fetch(`${world.op.issuer}/calendar/events`, { headers: { authorization: `Bearer ${token.stdout().trim()}` } })
  t.equal(events.status, 200)

  const status = world.start(['status', '--json'])
  t.equal(await status.ended, 0)
  t.match(documents(status), [{ signedIn: true, account: { issuer: world.op.issuer, name: 'Alice Novak' }, scopes: ['openid', 'profile', 'calendar.read'], store: 'file' }])

  const folder = join(world.home, '.local', 'state', 'consentry', 'grants')
  t.equal(statSync(folder).mode & 0o077, 0)
  for (const name of readdirSync(folder)) t.notMatch(readFileSync(join(folder, name), 'latin1'), token.stdout().trim())

  const other = world.start(['status', '--client-id', 'another'])
  t.equal(await other.ended, 3, 'tokens of one client are nothing to another')
  const profile = world.start(['token', '--profile', 'work', '--json'])
  t.equal(await profile.ended, 3)
  t.match(documents(profile), [{ error: { code: 'CONSENTRY_ERR_AUTHENTICATION_REQUIRED', retryable: false } }])

  const again = world.start(['login'])
  t.equal(await again.ended, 0, 'somebody is signed in')
  t.equal(again.stderr(), '')
  const logout = world.start(['logout'])
  t.equal(await logout.ended, 0)
  t.equal(logout.stdout(), 'Signed out.\n')
  t.equal((await fetch(`${world.op.issuer}/calendar/events`, { headers: { authorization: `Bearer ${token.stdout().trim()}` } })).status, 401)
  const nobody = world.start(['logout'])
  t.equal(await nobody.ended, 0)
  t.equal(nobody.stdout(), 'Nobody was signed in.\n')
  for (const cli of [login, status, again, logout]) for (const secret of world.op.ledger.secrets) t.notOk(cli.output().includes(secret), 'B17')
})

t.test('with --json each line is a document', async (t) => {
  const world = await createWorld(t)
  world.configure({})
  const login = await signedInWorld(world, ['--json'])
  t.equal(await login.ended, 0)
  t.match(documents(login).map(({ state, signedIn }) => state ?? signedIn), ['pending', 'in_progress', 'completed', true])
  t.equal(login.stderr(), '')
})

t.test('the keyring, where there is one', async (t) => {
  const world = await createWorld(t)
  world.configure({})
  const keyring = await startKeyring()
  t.teardown(() => keyring.close())
  const login = await signedInWorld(world, [], keyring.env)
  t.equal(await login.ended, 0, login.output())
  t.match(login.stdout(), 'in the keyring')
  t.notOk(readdirSync(join(world.home, '.local', 'state', 'consentry')).includes('grants'), 'nothing in a file')
  const token = world.start(['token'], keyring.env)
  t.equal(await token.ended, 0)
  const forced = world.start(['token', '--store', 'file'], keyring.env)
  t.equal(await forced.ended, 3)
})

t.test('a keyring that is locked, and none at all: what a person can do about it', async (t) => {
  const world = await createWorld(t)
  world.configure({})
  const first = world.start(['login', '--store', 'keyring'])
  t.equal(await first.ended, 6)
  const keyring = await startKeyring({ inFile: true })
  t.teardown(() => keyring.close())
  const login = await signedInWorld(world, [], keyring.env)
  t.equal(await login.ended, 0, login.output())
  t.match(login.stdout(), 'in the keyring')
  await keyring.lock()
  const locked = world.start(['token'], keyring.env)
  t.equal(await locked.ended, 6)
  const none = world.start(['token', '--store', 'keyring'])
  t.equal(await none.ended, 6)
  for (const cli of [first, locked, none]) {
    t.match(cli.stderr(), /unlocked.*an encrypted file can take its place\. To use one, sign in with --store file\./)
    t.notMatch(cli.output(), 'fileTokens', 'a person has this program, and not its code')
  }
  const file = await signedInWorld(world, ['--store', 'file'], keyring.env)
  t.equal(await file.ended, 0, file.output())
  t.match(file.stdout(), 'in the file')
  const token = world.start(['token', '--store', 'file'], keyring.env)
  t.equal(await token.ended, 0, 'what it says works')
})

t.test('another device, by option; nothing else works here', async (t) => {
  const world = await createWorld(t)
  world.configure({})
  const login = world.start(['login'])
  const code = await login.sees(/type the code (\S+)/)
  const typed = await (await createBrowser().open(`${world.op.issuer}/device`)).submit({ user_code: code }, { button: 'Continue' })
  await consent(await signIn(await typed.submit({}, { button: 'Yes, continue' }), 'alice'), 'allow')
  t.equal(await login.ended, 0, login.output())
  const none = world.start(['login', '--force', '--method', 'browser', '--json'])
  t.equal(await none.ended, 1)
  t.match(documents(none).at(-1), { error: { code: 'CONSENTRY_ERR_NO_LOGIN_METHOD', message: 'There is no way to ask a person to sign in here. No browser opens here.' } })
})

t.test('exit codes: declined, timed out, not reachable, usage', async (t) => {
  const world = await createWorld(t)
  world.configure({})
  const browser = world.browser()
  const declined = world.start(['login'], browser.env)
  await answer(await browser.opened(), 'deny')
  t.equal(await declined.ended, 4)
  t.match(declined.stderr(), 'The consent was declined. (CONSENTRY_ERR_CONSENT_DENIED)')
  const late = world.start(['login', '--timeout', '1'], browser.env)
  t.equal(await late.ended, 5)
  world.op.fail('discovery', 'status500')
  const away = world.start(['login'], browser.env)
  t.equal(await away.ended, 6)
  world.op.fail('discovery')

  for (const [args, message] of [
    [['fly'], 'no such command'], [['login', '--client-secret', 'x'], 'client-secret'], [['login', 'x'], 'too many'], [['run'], 'needs the URL'],
    [['login', '--store', 'pocket'], 'store is neither'], [['login', '--timeout', '-1'], 'timeout'], [['login', '--timeout=soon'], 'timeout'], [['login', '--method', 'telepathy'], 'methods'],
    [['login', '--type', 'carrier_pigeon'], 'CONSENTRY_LOGIN_TYPE'], [['login', '--config', join(world.home, 'none.json')], 'cannot be read'],
    [['login', '--redirect-port', '99999'], 'redirect.port']
  ] as Array<[string[], string]>) {
    const cli = world.start(args)
    t.equal(await cli.ended, 2, args.join(' '))
    t.match(cli.stderr(), message)
    t.equal(cli.stdout(), '')
  }
  const help = world.start(['--help'])
  t.equal(await help.ended, 0)
  t.match(help.stdout(), 'Usage: consentry')
  t.equal(await world.start([]).ended, 2)
  const version = world.start(['--version'])
  t.equal(await version.ended, 0)
  t.match(version.stdout(), /^\d+\.\d+\.\d+\n$/)
})

t.test('a secret stands in no file of settings', async (t) => {
  const world = await createWorld(t)
  world.configure({ provider: { issuer: world.op.issuer, clientId: 'tool', clientSecret: 'canary' } })
  const cli = world.start(['status'])
  t.equal(await cli.ended, 2)
  t.match(cli.stderr(), 'clientSecretFile')
  t.notMatch(cli.output(), 'canary')
  const odd = join(world.home, 'odd.json')
  for (const [content, message] of [['[]', 'not a JSON object'], ['{', 'not a JSON object'], ['{"colour":"blue"}', 'has no "colour"'], ['{"provider":7}', 'provider is not'], ['{"timeout":"soon"}', 'timeout'], ['{"server":7}', 'server is not']] as Array<[string, string]>) {
    writeFileSync(odd, content)
    const refused = world.start(['status', '--config', odd])
    t.equal(await refused.ended, 2, content)
    t.match(refused.stderr(), message)
  }
})

t.test('variables count before the file, flags before variables; a secret by variable', async (t) => {
  const world = await createWorld(t)
  world.configure({ provider: { issuer: 'https://elsewhere.example', clientId: 'elsewhere' } })
  world.op.addClient({ clientId: 'confidential', clientSecret: 'a secret of the tests', applicationType: 'native', redirectUris: ['http://127.0.0.1/cb'], deviceFlow: true })
  const cli = await signedInWorld(world, ['--client-id', 'confidential', '--scope', 'openid', '--scope', 'email'], {
    CONSENTRY_LOGIN_ISSUER: world.op.issuer, CONSENTRY_LOGIN_CLIENT_ID: 'elsewhere', CONSENTRY_LOGIN_CLIENT_SECRET: 'a secret of the tests', CONSENTRY_LOGIN_ALLOW_INSECURE_LOOPBACK: 'true', CONSENTRY_STORE: 'file', CONSENTRY_PROFILE: 'work'
  })
  t.equal(await cli.ended, 0, cli.output())
  t.match(cli.stdout(), 'Signed in as')
})

t.test('T14: Ctrl-C ends the waiting and the socket', async (t) => {
  const world = await createWorld(t)
  world.configure({})
  const browser = world.browser()
  for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143]] as const) {
    const cli = world.start(['login'], browser.env)
    const url = await cli.sees(/^(http\S+)\n/m)
    cli.child.kill(signal)
    t.equal(await cli.ended, code)
    const redirect = new URL(new URL(url).searchParams.get('redirect_uri') ?? '')
    await t.rejects(fetch(redirect))
  }
  t.equal(await world.start(['status']).ended, 3)
})

t.test('nobody reads what is printed: the answer is completed, and it ends as by SIGPIPE', async (t) => {
  const world = await createWorld(t)
  world.configure({})
  const browser = world.browser()
  const cli = world.start(['login', '--json'], browser.env)
  const url = await browser.opened()
  await cli.sees(/pending/)
  cli.child.stdout?.destroy()
  await answer(url)
  t.equal(await cli.ended, 141)
  t.equal(cli.stderr(), '')
  t.equal(await world.start(['status']).ended, 0, 'signed in')
})

t.test('Ctrl-C while the tokens are ended: what is done here is done, and the second ends it at once', async (t) => {
  const world = await createWorld(t)
  world.configure({})
  t.equal(await (await signedInWorld(world)).ended, 0)
  world.op.fail('revocation', 'hang')
  const cli = world.startOnTerminal(['logout'])
  while (world.op.ledger.revocations === 0) await new Promise((resolve) => { setTimeout(resolve, 10) })
  cli.type('\u0003')
  await cli.sees(/Press Ctrl-C again/)
  cli.type('\u0003')
  t.equal(await cli.ended, 130, cli.output())
  t.equal(await world.start(['status']).ended, 3)
})
