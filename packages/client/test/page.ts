import type { ChromiumPage } from '@consentry/testing'
import { build } from 'esbuild'
import { fileURLToPath } from 'node:url'

/** An entry of this package as one script, as a page loads it. */
export async function bundle (name: 'index' | 'prompt'): Promise<string> {
  const { outputFiles: [file] } = await build({ entryPoints: [fileURLToPath(new URL(`../src/${name}.js`, import.meta.url))], bundle: true, format: 'esm', write: false })
  return file?.text ?? ''
}

/** What `script` comes to in the page. */
export const inPage = <T>(page: ChromiumPage, script: string): Promise<T> => page.evaluate(script)
