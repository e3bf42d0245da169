// The licences of all that an application installs with the packages.
import { existsSync } from 'node:fs'
import { readFile, realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { published, root } from './packages.mjs'

/** Permissive licences, which ask for no more than their text and the names of the authors. */
export const allowed = new Set(['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT'])

/** Whether a licence, as SPDX writes it, is allowed: one of a choice, all of a sum. */
export function isAllowed (license) {
  const plain = license.replaceAll(/[()]/g, ' ')
  if (plain.includes(' OR ')) return !plain.includes(' AND ') && plain.split(' OR ').some((each) => isAllowed(each))
  return plain.split(' AND ').every((each) => allowed.has(each.trim()))
}

/** The folder of a dependency, as Node.js finds it from a folder. */
function find (name, from) {
  for (let folder = from; ; folder = dirname(folder)) {
    const found = join(folder, 'node_modules', name)
    if (existsSync(join(found, 'package.json'))) return realpath(found)
    if (folder === dirname(folder)) return undefined
  }
}

/** The name and the licence of everything that the published packages need to run, their peers included. */
export async function runtimeLicenses () {
  const seen = new Map()
  async function visit (folder) {
    if (seen.has(folder)) return
    const { name, version, license, dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta = {} } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
    seen.set(folder, { name: `${name}@${version}`, license: typeof license === 'string' ? license : 'not said' })
    for (const dependency of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) {
      const found = await find(dependency, folder)
      if (found !== undefined) await visit(found)
      // What is for other systems, or need not be there, may be missing.
      else if (!(dependency in (optionalDependencies ?? {})) && !(dependency in peerDependenciesMeta)) throw new Error(`${name} needs ${dependency}, which is not installed`)
    }
  }
  for (const { folder } of await published()) await visit(join(root, folder))
  return [...seen.values()]
}
