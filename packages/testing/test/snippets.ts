import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { read, root, run } from './repository.ts'

/** A complete file in a README: a block of code whose first line is a comment with the file's name. */
export interface Snippet {
  readme: string
  name: string
  code: string
  /** What it prints, from the `text` block that follows before the next code. */
  prints?: string
}

const block = /^```(\w*)\n([\s\S]*?)^```$/gm

/** The complete files of a README, in order. */
export async function snippetsOf (readme: string): Promise<Snippet[]> {
  const found: Snippet[] = []
  let last: Snippet | undefined
  for (const [, language, code = ''] of (await read(readme)).matchAll(block)) {
    const name = /^\/\/ ([\w-]+\.ts)\n/.exec(code)?.[1]
    if (language === 'text' && last !== undefined) last.prints = code
    last = language === 'ts' && name !== undefined ? { readme, name, code } : undefined
    if (last !== undefined) found.push(last)
  }
  return found
}

/**
 * Where a snippet is compiled and run: in the `dist` of a package that has what its reader has installed. For the
 * root's README that is the plugin, whose tests need the same.
 */
function homeOf ({ readme }: Snippet): string {
  return `${readme === 'README.md' ? 'packages/fastify-plugin' : dirname(readme)}/dist/readme/${readme === 'README.md' ? 'root' : 'own'}`
}

/** Type-checks the snippets under the flags of the repository, and compiles them. Returns what the compiler says. */
export function compile (snippets: readonly Snippet[]): string {
  for (const home of new Set(snippets.map(homeOf))) {
    rmSync(root + home, { recursive: true, force: true })
    mkdirSync(root + home, { recursive: true })
  }
  const files = snippets.map((snippet) => `${root}${homeOf(snippet)}/${snippet.name}`)
  for (const [index, { code }] of snippets.entries()) writeFileSync(files[index] as string, code)
  const config = `${root}packages/testing/dist/readme.tsconfig.json`
  writeFileSync(config, JSON.stringify({
    extends: '../../../tsconfig.base.json',
    compilerOptions: { rootDir: '../../..', composite: false, declarationMap: false, sourceMap: false, isolatedDeclarations: false, noEmitOnError: true },
    files
  }))
  const { stdout, stderr } = run(`${root}node_modules/typescript/bin/tsc`, '-p', config)
  return stdout + stderr
}

/** Other code in a README: a part, in which some names stand for what its reader has. */
export interface Fragment {
  readme: string
  code: string
}

/** The blocks of a README that are code and no complete files, in order. */
export async function fragmentsOf (readme: string): Promise<Fragment[]> {
  return Array.from((await read(readme)).matchAll(block), ([, language = '', code = '']) => ({ readme, language, code }))
    .filter(({ language, code }) => /^[jt]s$/.test(language) && !/^\/\/ [\w-]+\.ts\n/.test(code))
}

/** What a reader has, and a page or a server around the part. */
const had = `declare global {
  const baseUrl: string, secret: string, clientId: string, clientSecret: string, contoso: string, fabrikam: string
  function show (value: unknown): void
  function showLink (text: string, url: string): void
}
export {}
`

/**
 * Type-checks the fragments: what they import exists, and is used as it may be. Not what may be `undefined`, which they
 * leave out. Returns what the compiler says.
 */
export function checkFragments (fragments: readonly Fragment[], packages: ReadonlyArray<{ name: string, folder: string }>): string {
  // The plugin has what a reader has beside our packages.
  const home = `${root}packages/fastify-plugin/dist/readme/fragments`
  rmSync(home, { recursive: true, force: true })
  mkdirSync(home, { recursive: true })
  const files = fragments.map(({ readme }, index) => `${home}/${readme.replaceAll('/', '-')}-${index}.mts`)
  for (const [index, { code }] of fragments.entries()) writeFileSync(files[index] as string, `${code}export {}\n`)
  writeFileSync(`${home}/had.mts`, had)
  const config = `${home}/tsconfig.json`
  const paths = packages.flatMap(({ name, folder }) => [[name, [`${root}${folder}/dist/src/index.d.ts`]], [`${name}/*`, [`${root}${folder}/dist/src/*.d.ts`]]])
  writeFileSync(config, JSON.stringify({
    extends: '../../../../../tsconfig.base.json',
    compilerOptions: {
      composite: false,
      declarationMap: false,
      sourceMap: false,
      isolatedDeclarations: false,
      exactOptionalPropertyTypes: false,
      noEmit: true,
      strict: false,
      noUnusedLocals: false,
      lib: ['es2023', 'dom', 'dom.iterable', 'dom.asynciterable'],
      paths: Object.fromEntries(paths)
    },
    files: [...files, `${home}/had.mts`]
  }))
  const { stdout, stderr } = run(`${root}node_modules/typescript/bin/tsc`, '-p', config)
  return stdout + stderr
}

/** The compiled snippet. */
export function compiled (snippet: Snippet): string {
  return `${root}${homeOf(snippet)}/${snippet.name.replace(/\.ts$/, '.js')}`
}
