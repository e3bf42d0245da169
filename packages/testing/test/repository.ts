import { spawn, spawnSync, type ChildProcessByStdio } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

/** The root of the repository; tests run from `packages/testing/dist/test`. */
export const root: string = fileURLToPath(new URL('../../../../', import.meta.url))

// The test runner gives its children loaders by NODE_OPTIONS; these scripts are no part of the test run.
const command = '/usr/bin/env'
const node = ['-u', 'NODE_OPTIONS', process.execPath]

/** Runs a script with Node.js to its end, within 20 seconds. */
export function run (script: string, ...args: string[]): { status: number | null, stdout: string, stderr: string } {
  return spawnSync(command, [...node, script, ...args], { encoding: 'utf8', timeout: 20_000 })
}

/** Starts a script with Node.js, with these variables beside its environment. */
export function start (script: string, env: Record<string, string>): ChildProcessByStdio<null, null, Readable> {
  return spawn(command, [...node, script], { stdio: ['ignore', 'inherit', 'pipe'], env: { ...process.env, ...env } })
}

interface Manifest {
  name: string
  private?: boolean
  dependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
  devDependencies?: Record<string, string>
}

/** A workspace of the repository. */
export interface Workspace extends Manifest {
  /** Its folder, from the root. */
  folder: string
  /** What an installation brings along. */
  runtime: string[]
}

/** Every workspace below `packages` and `apps`, and `bench`. */
export async function workspaces (): Promise<Workspace[]> {
  const folders = ['bench']
  for (const parent of ['packages', 'apps']) {
    for (const entry of await readdir(root + parent, { withFileTypes: true })) if (entry.isDirectory()) folders.push(`${parent}/${entry.name}`)
  }
  return Promise.all(folders.map(async (folder) => {
    const manifest = JSON.parse(await read(`${folder}/package.json`)) as Manifest
    const runtime = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.optionalDependencies })
    return { ...manifest, folder, runtime }
  }))
}

/** The text of a file, by its path from the root. */
export function read (path: string): Promise<string> {
  return readFile(root + path, 'utf8')
}

/** The files below a folder whose names end so, by their paths from the root. */
export async function filesIn (folder: string, ending: string): Promise<string[]> {
  const entries = await readdir(root + folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(root.length))
    .toSorted()
}

/** One import of a source file. */
export interface Import {
  file: string
  specifier: string
  /** Gone after compilation. */
  typeOnly: boolean
}

const statement = /^\s*(?:import|export)\s+(type\s)?[^'"]*?from\s+'([^']+)'|^\s*import\s+'([^']+)'|\b(?:import|require)\s*\(\s*'([^']+)'\s*\)/gm

/** Every import, re-export and dynamic import in the TypeScript files below a folder. */
export async function importsIn (folder: string): Promise<Import[]> {
  const imports: Import[] = []
  for (const file of await filesIn(folder, '.ts')) {
    for (const [, type, from, bare, dynamic] of (await read(file)).matchAll(statement)) {
      imports.push({ file, specifier: from ?? bare ?? dynamic ?? '', typeOnly: type !== undefined })
    }
  }
  return imports
}

/** The package that a specifier leads to; `undefined` for a file of the package itself. */
export function packageOf (specifier: string): string | undefined {
  if (specifier.startsWith('.')) return undefined
  if (specifier.startsWith('node:')) return specifier
  return specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
}

/** The rows of the Markdown table below a heading, without its first two lines. */
export function tableBelow (page: string, heading: string): string[][] {
  const lines = page.split('\n')
  const from = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, '') === heading)
  if (from === -1) throw new Error(`no heading "${heading}"`)
  const first = lines.findIndex((line, index) => index > from && line.startsWith('|'))
  const last = lines.findIndex((line, index) => index > first && !line.startsWith('|'))
  return lines.slice(first + 2, last === -1 ? undefined : last).map((line) => line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim()))
}
