import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import t from 'tap'
import { pack, published, root } from '../packages.mjs'

const packages = await published()
const folder = await mkdtemp(join(tmpdir(), 'consentry-tarballs-'))
t.teardown(() => rm(folder, { recursive: true }))
const tarballs = await Promise.all((await pack(packages, folder)).map(async (packed) => ({ ...packed, files: await filesIn(packed.contents) })))

/** The files below a folder, by their paths from there. */
async function filesIn (folder) {
  const entries = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
  return new Map(await Promise.all(entries.map(async ({ parentPath, name }) => {
    const path = join(parentPath, name)
    return [relative(folder, path), await readFile(path, 'utf8')]
  })))
}

t.test('every package has a tarball', async (t) => {
  t.same(new Set(tarballs.map(({ manifest }) => manifest.name)), new Set(packages.map(({ manifest }) => manifest.name)))
})

const expected = /^(?:LICENSE|README\.md|CHANGELOG\.md|package\.json|src\/.+\.ts|dist\/src\/.+\.(?:js|d\.ts)(?:\.map)?)$/
const test = /(?:^|\/)(?:tests?|fixtures?)\/|\.test\./

for (const { manifest, tarball, files } of tarballs) {
  const paths = [...files.keys()]

  t.test(`${manifest.name}: what is in the tarball`, async (t) => {
    for (const name of ['LICENSE', 'README.md', 'package.json']) t.ok(files.has(name), name)
    t.same(paths.filter((path) => !expected.test(path) || test.test(path)), [], 'nothing but sources, and what they became')
    t.same(paths.filter((path) => files.get(path).includes(root)), [], 'no file says where it was built')
    t.notMatch(files.get('package.json'), /"workspace:|"devDependencies"/)
  })

  t.test(`${manifest.name}: what was compiled has its source and its map`, async (t) => {
    const compiled = paths.filter((path) => path.startsWith('dist/') && !path.endsWith('.map'))
    t.ok(compiled.length > 0)
    t.same(compiled.filter((path) => !files.has(`${path}.map`)), [], 'a map for each')
    const lost = paths.filter((path) => path.endsWith('.map')).flatMap((path) => {
      const { sources, sourceRoot } = JSON.parse(files.get(path))
      return sources.map((source) => join(dirname(path), sourceRoot ?? '', source)).filter((source) => !files.has(source))
    })
    t.same(lost, [], 'a source for each; a dist that has more is old: remove it, and build')
  })

  t.test(`${manifest.name}: publint`, async (t) => {
    const { messages, pkg } = await publint({ pack: { tarball: (await readFile(tarball)).buffer }, strict: true })
    t.same(messages.map((message) => formatMessage(message, pkg)), [])
  })

  if (manifest.exports === undefined) continue
  t.test(`${manifest.name}: are the types wrong?`, async (t) => {
    const { problems, types } = await checkPackage(createPackageFromTarballData(await readFile(tarball)))
    t.ok(types, 'there are types')
    // The profile for ES modules: no resolution of old, and what `require` does is shown by running it.
    const left = problems.filter(({ resolutionKind, resolutionOption }) => resolutionKind !== 'node16-cjs' && (resolutionKind ?? resolutionOption) !== 'node10')
    t.same(left, [])
  })
}
