import t from 'tap'
import { published, workspaces } from '../packages.mjs'

const all = await workspaces()
const packages = await published()

t.test('there is something to publish', async (t) => {
  t.ok(packages.length > 0)
})

t.test('all packages have one version', async (t) => {
  const [first, ...others] = packages.map(({ manifest }) => manifest)
  for (const { name, version } of others) t.equal(version, first.version, `${name} has that of ${first.name}`)
  // The highest of all counts for the next, that of a private one too.
  for (const { manifest } of all) if (manifest.private === true) t.equal(manifest.version, '0.0.0', `${manifest.name} is never published`)
})

for (const { folder, manifest } of packages) {
  t.test(`${folder}/package.json says what npm shows`, async (t) => {
    t.match(manifest.name, /^@consentry\/[a-z-]+$/)
    t.type(manifest.description, 'string')
    t.ok(manifest.keywords?.length > 0, 'keywords')
    t.equal(manifest.license, 'MIT')
    t.equal(manifest.type, 'module')
    t.equal(manifest.engines?.node, '>=20.19')
    t.ok(manifest.sideEffects === false || Array.isArray(manifest.sideEffects), 'sideEffects')
    t.same(manifest.files, ['dist/src', 'src'])
    t.same(manifest.publishConfig, { access: 'public', provenance: true })
    t.ok(manifest.exports !== undefined || manifest.bin !== undefined, 'exports or bin')
    t.equal(manifest.main ?? manifest.types, undefined, 'exports alone')
    for (const [path, target] of Object.entries(manifest.exports ?? {})) {
      if (path === './package.json') continue
      t.same(Object.keys(target), ['types', 'default'], `${path}: the types come first`)
    }
    t.notMatch(Object.keys(manifest.scripts ?? {}), /install|prepare/, 'nothing runs when it is installed')
  })

  t.test(`${folder} depends on what can be installed`, async (t) => {
    const { dependencies = {}, peerDependencies = {}, optionalDependencies = {}, peerDependenciesMeta = {}, devDependencies = {} } = manifest
    for (const [name, range] of Object.entries({ ...dependencies, ...peerDependencies, ...optionalDependencies })) {
      const other = all.find(({ manifest }) => manifest.name === name)
      t.not(other?.manifest.private, true, `${name} is published`)
      if (other !== undefined) t.equal(range, 'workspace:^', `${name} is of the same release or a later one that fits`)
      else t.notMatch(range, /^(?:workspace|file|link|npm|git|https?):|^\d/, `${name}: a range, so that an application has it once`)
    }
    for (const name of Object.keys(peerDependencies)) t.ok(name in devDependencies, `${name} is tested with`)
    for (const name of Object.keys(peerDependenciesMeta)) t.ok(name in peerDependencies, `${name} is a peer`)
  })
}
