// Writes the API documentation of every published package to docs/api; a warning is a failure.
import { fileURLToPath } from 'node:url'
import { Application } from 'typedoc'
import { published, root, specifiersOf } from '../publish/packages.mjs'

const packages = await published()

/** What each package is imported by, and the source of that. */
const sources = new Map(packages.flatMap(({ folder, manifest }) => specifiersOf(manifest).map((specifier) => {
  const { types } = manifest.exports[`.${specifier.slice(manifest.name.length)}`]
  return [specifier, `${root}${folder}/${types.replace('./dist/', '').replace(/\.d\.ts$/, '.ts')}`]
})))

const app = await Application.bootstrap({
  name: 'Consentry',
  readme: `${root}README.md`,
  entryPoints: [...sources.values()],
  tsconfig: fileURLToPath(new URL('tsconfig.json', import.meta.url)),
  // One program over the sources of all, so that what one package gives on from another is one thing.
  compilerOptions: { paths: Object.fromEntries([...sources].map(([specifier, source]) => [specifier, [source]])) },
  // tsc has checked them, each with its own flags.
  skipErrorChecking: true,
  out: `${root}docs/api`,
  // Where the repository is, is known to whoever publishes.
  disableSources: true,
  hideGenerator: true,
  githubPages: false,
  packagesRequiringDocumentation: packages.map(({ manifest }) => manifest.name),
  requiredToBeDocumented: ['Class', 'Function', 'Interface', 'TypeAlias', 'Variable'],
  validation: { notDocumented: true, invalidLink: true, invalidPath: true, rewrittenLink: true, notExported: false, unusedMergeModuleWith: true }
})

const { logger } = app
const clean = () => !logger.hasErrors() && !logger.hasWarnings() && logger.validationWarningCount === 0

const entryPoints = app.getEntryPoints() ?? []
for (const entryPoint of entryPoints) {
  // Pages are named by what is written in an import.
  entryPoint.displayName = [...sources].find(([, source]) => source === entryPoint.sourceFile.fileName)?.[0] ?? entryPoint.displayName
}
const project = app.converter.convert(entryPoints)
app.validate(project)
if (clean()) await app.generateOutputs(project)
if (!clean()) process.exit(1)
