// What the package.json in a tarball says otherwise than the one here.
import { relative } from 'node:path'

const { GITHUB_REPOSITORY: repository, GITHUB_SERVER_URL: server } = process.env

/**
 * Tests are in no tarball, so what they need is not either. npm accepts provenance only for the repository whose
 * workflow publishes, and that workflow knows best where it runs.
 */
function beforePacking (manifest, folder) {
  delete manifest.devDependencies
  if (repository === undefined || server === undefined) return manifest
  const directory = relative(import.meta.dirname, folder)
  return {
    ...manifest,
    homepage: `${server}/${repository}/tree/HEAD/${directory}#readme`,
    bugs: `${server}/${repository}/issues`,
    repository: { type: 'git', url: `git+${server}/${repository}.git`, directory }
  }
}

export const hooks = { beforePacking }
