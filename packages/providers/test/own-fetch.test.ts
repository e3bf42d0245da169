import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'

/** In a process of its own, which has not fetched anything before. */
const script = `
  import { createServer } from 'node:http'
  import { once } from 'node:events'
  await import(process.argv[1])
  const server = createServer((request, response) => { request.pipe(response) }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const request = new Request('http://127.0.0.1:' + server.address().port, { method: 'POST', body: new TextEncoder().encode('a=b') })
  request.headers.set('content-length', '3')
  console.log(await (await fetch(request)).text())
  server.close()`

t.test('the global fetch of an application is what it was before', async (t) => {
  const index = new URL('../src/index.js', import.meta.url).href
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, index], { env: { ...process.env, NODE_OPTIONS: '' } })
  t.equal(stdout.trim(), 'a=b')
})
