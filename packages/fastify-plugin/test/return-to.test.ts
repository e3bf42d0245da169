import fc from 'fast-check'
import t from 'tap'
import { readOptions } from '../src/options.ts'
import { readReturnTo } from '../src/return-to.ts'
import { secret } from './server.ts'

const settings = readOptions({ baseUrl: 'https://app.example.com', secret, providers: {} })

/** Where a browser lands that is redirected to what was read; `undefined` when it was refused. */
function landing (value: string): URL | undefined {
  try {
    return new URL(readReturnTo(value, settings), settings.origin)
  } catch (error) {
    if ((error as { code?: string }).code === 'CONSENTRY_ERR_RETURN_TO_INVALID') return undefined
    throw error
  }
}

t.test('T4 a path of ours is kept as it is', async (t) => {
  for (const path of ['/', '/a', '/a/b?c=d&e=%2Ff#g', '/%2f%2fevil.example', '/a//b', '/?next=https://evil.example', '/auth/connect/abc', '/auth/loginx', '/%zz', '/ü']) {
    t.equal(landing(path)?.href, new URL(path, settings.origin).href)
  }
  t.equal(landing('')?.pathname, '/')
  for (const path of ['/auth/login', '/auth/login/corp?return_to=/', '/auth/callback/corp?code=c&state=s', '/x/../auth/callback/corp?code=c', '/auth/logout', '/auth/%63allback/corp?code=c', '/%61uth/login', '/auth//login', '/auth/Callback/corp?code=c', '/AUTH/login', '/auth/%6Cogin/corp']) {
    t.equal(landing(path)?.href, 'https://app.example.com/', `${path} would go in circles or take an answer along`)
  }
})

t.test('T4 what leads elsewhere is refused', async (t) => {
  for (const hostile of [
    '//evil.example', '///evil.example', '/\\evil.example', '\\\\evil.example', '/\t/evil.example', '/\n/evil.example', '/\r/evil.example', '\t//evil.example', ' //evil.example',
    '/..//evil.example', '/.//evil.example', '/a/../..//evil.example', '/%2e%2e//evil.example', '/./%2e//evil.example', 'https://evil.example', 'https:/evil.example', 'http:evil.example',
    'javascript:alert(1)', 'data:text/html,x', 'evil.example', '@evil.example', 'https://app.example.com', 'https://app.example.com.evil.example', '/\u0000', `/${'x'.repeat(2048)}`
  ]) t.equal(landing(hostile), undefined, JSON.stringify(hostile).slice(0, 60))
})

t.test('T4 whatever the text, a browser stays on our origin', async () => {
  const piece = fc.constantFrom('/', '\\', '.', '..', '%2e', '%2f', '%5c', ':', '@', '?', '#', '\t', '\n', '\r', ' ', 'evil.example', 'https', 'a', '\u0000', '\u2028', '\uff0f')
  fc.assert(fc.property(fc.oneof(fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')), fc.webUrl(), fc.string({ unit: 'binary' })), (value) => {
    const url = landing(value)
    return url === undefined || url.origin === settings.origin
  }), { numRuns: 5000 })
})
