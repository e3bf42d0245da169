import t from 'tap'
import { importsIn, packageOf, read, tableBelow, workspaces } from './repository.ts'

const all = await workspaces()
const names = new Set(all.map(({ name }) => name))
const ours = (packages: Iterable<string>): string[] => [...new Set(packages)].filter((name) => names.has(name)).toSorted()

/** The arrows as ARCHITECTURE.md draws them: which of our packages a package may import. */
const drawn = new Map(tableBelow(await read('ARCHITECTURE.md'), 'Packages and arrows').map(([name = '', , arrows = '']) =>
  [code(name)[0] ?? '', code(arrows)] as const))

function code (cell: string): string[] {
  return Array.from(cell.matchAll(/`([^`]+)`/g), ([, text]) => text ?? '')
}

t.test('the page draws every package, and none that does not exist', async (t) => {
  t.same([...drawn.keys()].toSorted(), [...names].toSorted())
})

for (const { name, folder, runtime, devDependencies = {}, private: isPrivate = false } of all) {
  t.test(`arrows of ${name}`, async (t) => {
    const imports = (await importsIn(`${folder}/src`)).map((found) => ({ ...found, target: packageOf(found.specifier) }))
    t.ok(imports.length > 0, 'there is something to look at')

    t.same(ours(runtime), drawn.get(name)?.toSorted(), 'package.json has the arrows of the page and no other')
    for (const { file, specifier, target, typeOnly } of imports) {
      if (target === undefined) {
        t.ok(!specifier.startsWith('../../'), `${file}: ${specifier} stays in the package`)
        continue
      }
      if (target.startsWith('node:')) continue
      const declared = runtime.includes(target) || (typeOnly && !names.has(target) && (target in devDependencies || `@types/${target}` in devDependencies))
      t.ok(declared, `${file}: ${specifier} is declared`)
    }
    if (!isPrivate) {
      t.notOk(runtime.some((dependency) => all.some((other) => other.name === dependency && other.private === true)), 'nothing private is needed to run')
    }
  })
}

t.test('core imports no package, and nothing that reaches the network', async (t) => {
  const core = all.find(({ name }) => name === '@consentry/core')
  t.same(core?.runtime, [])
  const targets = new Set((await importsIn('packages/core/src')).map(({ specifier }) => packageOf(specifier)).filter((target) => target !== undefined))
  const allowed = new Set(['node:async_hooks', 'node:crypto', 'node:perf_hooks', 'node:util'])
  t.same([...targets].toSorted().filter((target) => !allowed.has(target)), [])
})

t.test('the plugin knows providers and stores by their ports alone', async (t) => {
  const plugin = await importsIn('packages/fastify-plugin/src')
  const packages = ours(plugin.map(({ specifier }) => packageOf(specifier) ?? ''))
  t.same(packages, ['@consentry/core', '@consentry/user-identity'])
})
