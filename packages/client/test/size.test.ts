import { build } from 'esbuild'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import t from 'tap'

/** What a page that imports `createClient` loads, in bytes. */
const most = 5_000

t.test('the client is no more than 5 kB, compressed', async (t) => {
  const { outputFiles: [bundle] } = await build({
    entryPoints: [fileURLToPath(new URL('../src/index.js', import.meta.url))],
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2023',
    write: false
  })
  const size = gzipSync(bundle?.contents ?? '', { level: 9 }).length
  t.comment(`${size} bytes`)
  t.ok(size > 1_000 && size <= most, `${size} bytes`)
})
