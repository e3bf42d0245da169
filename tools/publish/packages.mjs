// The packages that are published, and their tarballs.
import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** The root of the repository. */
export const root = fileURLToPath(new URL('../../', import.meta.url))

const readJson = async (path) => JSON.parse(await readFile(path, 'utf8'))

/** Every workspace: its folder from the root, and its package.json. */
export async function workspaces () {
  const folders = await Promise.all(['packages', 'apps', 'tools'].map(async (parent) =>
    (await readdir(join(root, parent))).map((name) => `${parent}/${name}`)))
  const found = await Promise.all(folders.flat().map(async (folder) => {
    const manifest = await readJson(join(root, folder, 'package.json')).catch(() => undefined)
    return manifest === undefined ? [] : [{ folder, manifest }]
  }))
  return found.flat()
}

/** Every workspace that is not private. */
export const published = async () => (await workspaces()).filter(({ manifest }) => manifest.private !== true)

/** What a package is imported by. */
export const specifiersOf = ({ name, exports = {} }) =>
  Object.keys(exports).filter((path) => path !== './package.json').map((path) => name + path.slice(1))

/** Runs a program to its end, from a folder. The loaders of the test runner, and what an npx around it runs, are not for it. */
export async function run (command, args, cwd = root) {
  const { NODE_OPTIONS: _loaders, npm_config_package: _package, ...env } = process.env
  try {
    const { stdout, stderr } = await promisify(execFile)(command, args, { cwd, env, maxBuffer: 64 * 1024 * 1024 })
    return { status: 0, stdout, output: stdout + stderr }
  } catch (error) {
    return { status: error.code ?? error.signal, stdout: error.stdout ?? '', output: `${error.stdout ?? ''}${error.stderr ?? ''}` || String(error) }
  }
}

/** Packs packages as publishing them does, and unpacks each: its tarball, and the folder of what is in it. */
export async function pack (packages, into) {
  const { packageManager } = await readJson(join(root, 'package.json'))
  const filters = packages.flatMap(({ manifest }) => ['--filter', manifest.name])
  const { status, stdout, output } = await run('npx', ['--yes', packageManager, ...filters, 'pack', '--json', '--pack-destination', into])
  if (status !== 0) throw new Error(`The packages cannot be packed: ${output}`)
  return Promise.all([JSON.parse(stdout)].flat().map(async ({ name, filename }) => {
    const place = join(into, name.replace('/', '-'))
    await mkdir(place)
    const unpacked = await run('tar', ['-xzf', filename, '-C', place])
    if (unpacked.status !== 0) throw new Error(unpacked.output)
    const contents = join(place, 'package')
    return { tarball: filename, contents, manifest: await readJson(join(contents, 'package.json')) }
  }))
}
