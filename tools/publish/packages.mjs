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

// The test runner gives every Node.js that is started its loaders; what an npx around it runs is not for another npx.
const env = ['-u', 'NODE_OPTIONS', '-u', 'npm_config_package']

/** Runs a program to its end, from a folder. */
export async function run (command, args, cwd = root) {
  try {
    const { stdout, stderr } = await promisify(execFile)('/usr/bin/env', [...env, command, ...args], { cwd, maxBuffer: 64 * 1024 * 1024 })
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
