import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { pack, published, root, run, specifiersOf } from '../packages.mjs'

const day = 24 * 60 * 60 * 1000
const packages = await published()
const specifiers = packages.flatMap(({ manifest }) => specifiersOf(manifest))
/** The tested version of what the project installs beside the packages. */
const tested = Object.assign({}, JSON.parse(await readFile(join(root, 'package.json'), 'utf8')).devDependencies, ...packages.map(({ manifest }) => manifest.devDependencies))

const folder = await mkdtemp(join(tmpdir(), 'consentry-consumer-'))
t.teardown(() => rm(folder, { recursive: true }))
const project = join(folder, 'project')
const write = (name, content) => writeFile(join(project, name), content)

t.setTimeout(120_000)
const tarballs = await pack(packages, folder)
await mkdir(project)
await write('package.json', '{ "name": "project", "private": true }')
// As old as this repository wants its own dependencies to be.
const before = new Date(Date.now() - day).toISOString()
const installed = await run('npm', [
  'install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', `--before=${before}`,
  ...tarballs.map(({ tarball }) => tarball), `fastify@${tested.fastify}`, `@types/node@${tested['@types/node']}`
], project)
if (installed.status !== 0) throw new Error(`npm cannot install the packages: ${installed.output}`)

async function printed (t, name, content) {
  await write(name, content)
  const { status, stdout, output } = await run(process.execPath, [name], project)
  t.equal(status, 0, output)
  return JSON.parse(stdout || '{}')
}

t.test('every package can be imported, and required with the same exports', async (t) => {
  const names = (call) => `${specifiers.map((each) => `exported['${each}'] = Object.getOwnPropertyNames(${call(each)})`).join('\n')}\nconsole.log(JSON.stringify(exported))`
  const imported = await printed(t, 'import.mjs', `const exported = {}\n${names((each) => `await import('${each}')`)}`)
  const required = await printed(t, 'require.cjs', `const exported = {}\n${names((each) => `require('${each}')`)}`)
  t.same(Object.keys(imported), specifiers)
  for (const [specifier, exported] of Object.entries(imported)) {
    t.ok(exported.length > 0 || specifier.split('/').length > 2, `${specifier} exports something`)
    for (const name of exported) if (name !== 'module.exports') t.ok(required[specifier].includes(name), `require('${specifier}').${name}`)
  }
})

t.test('every package is installed once, with peers that fit', async (t) => {
  const { status, output } = await run('npm', ['ls', '--all'], project)
  t.equal(status, 0, output)
  const twice = (await readdir(join(project, 'node_modules'), { recursive: true })).filter((path) => path.endsWith('/node_modules/@consentry'))
  t.same(twice, [])
})

const options = `{
  baseUrl: 'https://app.example.com',
  secret: 'long enough for a test of the package',
  providers: {},
  login: ['basic' as const],
  identity: { basic: { realm: 'x', check: () => undefined } }
}`
const plain = options.replace(' as const', '')

t.test('the plugin is registered by import and by require', async (t) => {
  const registered = `await app.ready()
  console.log(JSON.stringify({ consentry: typeof app.consentry }))
  await app.close()`
  t.same(await printed(t, 'register.mjs', `
  import consentry from '@consentry/fastify-plugin'
  import { fastify } from 'fastify'
  const app = fastify()
  await app.register(consentry, ${plain})
  ${registered}`), { consentry: 'object' })
  t.same(await printed(t, 'register.cjs', `(async () => {
  const app = require('fastify')()
  app.register(require('@consentry/fastify-plugin'), ${plain})
  ${registered}
  })()`), { consentry: 'object' })
})

/** What the compiler says of files of the project. */
async function check (files, compilerOptions) {
  for (const [name, content] of Object.entries(files)) await write(name, content)
  await write('tsconfig.json', JSON.stringify({
    compilerOptions: { target: 'es2023', lib: ['es2023'], types: ['node'], strict: true, noEmit: true, skipLibCheck: false, ...compilerOptions },
    files: Object.keys(files)
  }))
  return run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json'], project)
}

const lines = (line) => specifiers.map(line).join('\n')
const nodenext = { module: 'nodenext' }
const bundler = { module: 'esnext', moduleResolution: 'bundler' }
const page = { lib: ['es2023', 'dom', 'dom.iterable', 'dom.asynciterable'] }
const imports = `${lines((each, index) => `import * as _${index} from '${each}'`)}\nexport const all: object[] = [${specifiers.map((_, index) => `_${index}`).join()}]`
// A package itself is for servers too; what is below one may be for pages alone.
const itself = specifiers.filter((each) => each.split('/').length === 2).map((each) => `import '${each}'`).join('\n')
const readme = await readFile(join(root, 'README.md'), 'utf8')
const quickStart = /^```ts\n(\/\/ server\.ts\n[\s\S]*?)^```$/m.exec(readme)?.[1]

for (const [name, compilerOptions] of Object.entries({ nodenext, bundler })) {
  t.test(`types: ${name}`, async (t) => {
    const everything = await check({ 'index.mts': imports, 'server.mts': quickStart }, { ...compilerOptions, ...page })
    t.equal(everything.status, 0, `every package, and the quick start of README.md: ${everything.output}`)
    const servers = await check({ 'index.mts': itself }, { ...compilerOptions, noUncheckedSideEffectImports: true })
    t.equal(servers.status, 0, `without the types of a page: ${servers.output}`)
  })
}

t.test('types: CommonJS', async (t) => {
  const { status, output } = await check({
    'require.cts': `${lines((each, index) => `import _${index} = require('${each}')`)}\nexport = [${specifiers.map((_, index) => `_${index}`).join()}]`,
    'plugin.cts': `
      import plugin = require('@consentry/fastify-plugin')
      import consentry, { authorize, type ConsentryOptions } from '@consentry/fastify-plugin'
      import fastify = require('fastify')
      const options: ConsentryOptions = ${options}
      const app = fastify()
      app.register(require('@consentry/fastify-plugin'), options)
      app.register(import('@consentry/fastify-plugin'), options)
      app.register(plugin, options)
      app.register(plugin.default, options)
      app.register(consentry, options)
      app.get('/', async (request) => [request.userInfo?.name, authorize === plugin.authorize])`,
    'plugin.cjs': `
      const fastify = require('fastify')
      const consentry = require('@consentry/fastify-plugin')
      fastify().register(consentry, ${plain})`
  }, { ...nodenext, allowJs: true, checkJs: true, ...page, esModuleInterop: true })
  t.equal(status, 0, output)
})
