import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { consent, createBrowser, freePort, signIn, startLocalProvider, startRedis } from '../src/index.ts'
import { filesIn, read, root, run, start, tableBelow, workspaces } from './repository.ts'
import { checkFragments, compile, compiled, fragmentsOf, snippetsOf } from './snippets.ts'

const all = await workspaces()
const readmes = ['README.md', ...all.map(({ folder }) => `${folder}/README.md`).filter((path) => existsSync(root + path))]
const pages = [...new Set([...readmes, 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', ...await filesIn('docs', '.md')])].filter((page) => !page.startsWith('docs/api/'))
const texts = new Map(await Promise.all(pages.map(async (page) => [page, await read(page)] as const)))
const plugin = createRequire(`${root}packages/fastify-plugin/package.json`)

/** A module of the built packages; none is a dependency of this one. */
async function built<T> (path: string): Promise<T> {
  return import(`${root}packages/${path}`) as Promise<T>
}

const codeOf = (cell = ''): string[] => Array.from(cell.matchAll(/`([^`]+)`/g), ([, text]) => text ?? '')

t.test('docs/errors.md is what the source says', async (t) => {
  const { status, stderr } = run(`${root}tools/docs/errors.mjs`, '--check')
  t.equal(status, 0, stderr)
})

t.test('docs/grant-states.md is what the state machine says', async (t) => {
  const { status, stderr } = run(`${root}tools/docs/grant-states.mjs`, '--check')
  t.equal(status, 0, stderr)
})

t.test('every error code that is used exists, in sources and pages', async (t) => {
  const { errorCodes } = await built<{ errorCodes: Record<string, unknown> }>('core/dist/src/errors.js')
  const known = Object.keys(errorCodes)
  const sources = (await Promise.all(all.map(({ folder }) => filesIn(`${folder}/src`, '.ts')))).flat()
  t.ok(known.length > 0 && sources.length > 0)
  for (const file of [...sources, ...pages]) {
    for (const [code] of (await read(file)).matchAll(/CONSENTRY_ERR_[A-Z_]+\*?/g)) {
      const exists = code.endsWith('*') ? known.some((each) => each.startsWith(code.slice(0, -1))) : known.includes(code)
      if (!exists) t.fail(`${file}: ${code}`)
    }
  }
})

t.test('every error code of the table is used by something else than tables', async (t) => {
  const { errorCodes } = await built<{ errorCodes: Record<string, unknown> }>('core/dist/src/errors.js')
  const published = all.filter(({ folder }) => folder.startsWith('packages/') && folder !== 'packages/testing')
  const sources = (await Promise.all(published.map(({ folder }) => filesIn(`${folder}/src`, '.ts')))).flat().filter((file) => !/(core|fastify-plugin)\/src\/errors\.ts$/.test(file))
  const used = (await Promise.all(sources.map(read))).join('\n')
  t.same(Object.keys(errorCodes).filter((code) => !used.includes(`'${code}'`)), [])
})

t.test('no page names a package that does not exist', async (t) => {
  const names = new Set(all.map(({ name }) => name))
  for (const [page, content] of texts) {
    for (const [name] of content.matchAll(/@consentry\/[a-z-]+/g)) if (!names.has(name)) t.fail(`${page}: ${name}`)
  }
  const table = tableBelow(texts.get('README.md') as string, 'Packages').flatMap(([cell = '']) => /^\[([^\]]+)\]/.exec(cell)?.[1] ?? [])
  t.same(table.toSorted(), all.map(({ name, folder }) => folder.startsWith('packages/') ? name : folder).toSorted(), 'the table of README.md')
})

/** The anchors of a page, as GitHub makes them of its headings. */
function anchorsOf (text: string): string[] {
  return Array.from(text.matchAll(/^#+ (.+)$/gm), ([, heading = '']) => heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-'))
}

t.test('relative links lead somewhere', async (t) => {
  let links = 0
  for (const [page, content] of texts) {
    for (const [, target = ''] of content.replaceAll(/^```[\s\S]*?^```$/gm, '').matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      links++
      const [path = '', anchor] = target.split('#', 2)
      const file = path === '' ? page : join(dirname(page), path)
      if (!existsSync(root + file)) t.fail(`${page}: ${target}`)
      else if (anchor !== undefined && !anchorsOf(await read(file)).includes(anchor)) t.fail(`${page}: ${target}, no such heading`)
    }
  }
  t.ok(links > 0)
})

t.test('what the README of the plugin lists is what there is', async (t) => {
  const readme = texts.get('packages/fastify-plugin/README.md') as string

  interface Schema { properties?: Record<string, Schema> }
  const flat = ({ properties = {} }: Schema, prefix = ''): string[] => Object.entries(properties).flatMap(([name, schema]) =>
    // What is given to another package is documented there.
    schema.properties === undefined || name === 'jwt' ? [prefix + name] : flat(schema, `${prefix}${name}.`))
  const { optionsSchema } = await built<{ optionsSchema: Schema }>('fastify-plugin/dist/src/options-schema.js')
  t.same(tableBelow(readme, 'Options').flatMap(([cell]) => codeOf(cell)).toSorted(), flat(optionsSchema).toSorted(), 'options')

  const { default: consentry, closeCodes } = await built<{ default: unknown, closeCodes: Record<string, number> }>('fastify-plugin/dist/src/index.js')
  const documented = readme.split('\n').flatMap((line) => /^\| (1012|4\d{3}) \|/.exec(line)?.[1] ?? [])
  t.same(documented.toSorted(), Object.values(closeCodes).map(String).toSorted(), 'close codes')

  interface App {
    addHook (name: 'onRoute', hook: (route: { method: string | string[], url: string }) => void): void
    register (plugin: unknown, options: object): PromiseLike<unknown>
    close (): Promise<void>
  }
  const { fastify } = plugin('fastify') as { fastify: () => App }
  const app = fastify()
  // The catch-all answers 404, and is nothing to call.
  const routes: string[] = []
  app.addHook('onRoute', ({ method, url }) => { for (const each of [method].flat()) if (each !== 'HEAD' && !url.endsWith('/*')) routes.push(`${each} ${url}`) })
  await app.register(consentry, {
    baseUrl: 'https://app.example.com',
    secret: 'long enough for a test of its routes',
    providers: {},
    login: ['basic'],
    identity: { basic: { realm: 'x', check: () => undefined } }
  })
  await app.close()
  const listed = tableBelow(readme, 'Routes').flatMap(([cell]) => codeOf(cell)).map((route) => route.replace(/\?.*/, ''))
  t.same(listed.toSorted(), routes.toSorted(), 'routes')
})

t.test('every rule of SECURITY.md is named by a test in the files it points to', async (t) => {
  const rows = ['Binding a consent to the right person', 'Other threats'].flatMap((heading) => tableBelow(texts.get('SECURITY.md') as string, heading))
  t.ok(rows.length > 20)
  for (const [rule = '', , proofs = ''] of rows) {
    const files = Array.from(proofs.matchAll(/\]\(([^)]+)\)/g), ([, path]) => path ?? '')
    t.ok(files.length > 0 || proofs.startsWith('not '), `${rule} is proven, or said not to be`)
    // A rule may be proven by the tests of others: "as B20 in …".
    const numbers = /^as (.*) in /.exec(proofs)?.[1]?.split(/[^A-Z0-9]+/) ?? [rule]
    for (const file of files) {
      const titles = (await read(file)).split('\n').filter((line) => /['"`].*\b[BRT]\d/.test(line)).join(' ').split(/[^A-Z0-9]+/)
      t.ok(numbers.some((number) => titles.includes(number)), `${rule} in ${file}`)
    }
  }
})

t.test('the parts of code in the READMEs fit what there is', async (t) => {
  const fragments = (await Promise.all(readmes.map(fragmentsOf))).flat()
  t.ok(fragments.length >= 5)
  t.equal(checkFragments(fragments, all.filter(({ folder }) => folder.startsWith('packages/'))), '')
})

t.test('the code in the READMEs', async (t) => {
  const snippets = (await Promise.all(readmes.map(snippetsOf))).flat()
  t.ok(snippets.length >= 5)
  if (!t.equal(compile(snippets), '', 'it compiles')) return

  const redis = await startRedis()
  t.teardown(() => redis.close())
  const { env: environment } = process
  environment['REDIS_URL'] = redis.url
  for (const snippet of snippets.filter(({ prints }) => prints !== undefined)) {
    const { stdout, stderr, status } = run(compiled(snippet))
    t.equal(stdout, snippet.prints, `${snippet.readme}: ${snippet.name} prints what it says`)
    t.equal(status, 0, stderr)
  }

  const smallest = snippets.find(({ readme, name }) => readme === 'README.md' && name === 'server.ts')
  t.ok(smallest, 'the smallest application')
  if (smallest === undefined) return
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const client = { clientId: 'app', clientSecret: 'a secret', redirectUris: [`${url}/auth/callback/corp`, `${url}/auth/callback/calendar`] }
  const op = await startLocalProvider({ issuerHost: 'localhost', clients: [client] })
  t.teardown(() => op.close())
  const env = { PORT: String(port), ISSUER: op.issuer, CLIENT_ID: client.clientId, CLIENT_SECRET: client.clientSecret }

  const refused = start(compiled(smallest), { ...env, CONSENTRY_SECRET: 'too short' })
  t.match(await text(refused.stderr), /secret must have at least 32 bytes/, 'without a secret it does not start')

  const server = start(compiled(smallest), { ...env, CONSENTRY_SECRET: 'a secret of the tests that is long enough' })
  server.stderr.pipe(process.stderr)
  const exited = once(server, 'exit')
  t.teardown(async () => {
    server.kill()
    await exited
  })
  while (server.exitCode === null && !await fetch(`${url}/auth/status`).then(({ ok }) => ok, () => false)) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }

  const browser = createBrowser()
  const home = await consent(await signIn(await browser.open(`${url}/`), 'alice'), 'allow')
  t.equal(home.url, `${url}/`)
  const asked = await browser.fetch(`${url}/report`, { method: 'POST' })
  t.equal(asked.status, 202)
  const { pending: [question] } = asked.json() as { pending: [{ connectUrl: string }] }
  const page = await browser.open(question.connectUrl)
  const answered = await consent(await page.submit({}, { button: `Continue to ${new URL(op.issuer).host}` }), 'allow')
  t.equal(answered.title, 'Connected')
  const report = await browser.fetch(`${url}/report`, { method: 'POST' })
  t.equal(report.status, 200)
  t.ok((report.json() as { events: unknown[] }).events.length > 0)
})
