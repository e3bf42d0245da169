// A page that is made from the source: written, or with --check compared with what is there.
import { readFile, writeFile } from 'node:fs/promises'

export async function writeOrCheck (path, script, page) {
  const file = new URL(`../../${path}`, import.meta.url)
  if (!process.argv.includes('--check')) return writeFile(file, page)
  const current = await readFile(file, 'utf8').catch(() => '')
  if (current === page) return
  console.error(`${path} is stale: run \`npm run ${script}\` and commit it.`)
  process.exitCode = 1
}
