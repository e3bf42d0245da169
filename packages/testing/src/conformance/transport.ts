import { gzipSync } from 'node:zlib'
import type { HostileEndpoint, HostileOverride, HostileProvider } from '../hostile-op/types.ts'
import { codes, refusal } from './misbehaviour.ts'
import type { Barrier, ConformanceCase, ConformanceChapter, Expected } from './types.ts'

/** Milliseconds, where the limit of time is what is tried: far more than an answer takes that comes. */
const impatient = 4000
const standing = Date.parse('2030-01-01T00:00:00Z')

interface Fault {
  name: string
  does: string
  client?: ConformanceCase['client']
  retryAfter?: number
  override: (op: HostileProvider) => HostileOverride
}

const faults: readonly Fault[] = [
  { name: 'redirect', does: 'redirects (302)', override: (op) => () => ({ status: 302, headers: { location: op.url('elsewhere') } }) },
  { name: 'redirect-307', does: 'redirects with all that was sent (307)', override: (op) => () => ({ status: 307, headers: { location: op.url('elsewhere') } }) },
  { name: 'html', does: 'a page of HTML', override: () => () => ({ body: '<!doctype html><title>provider text</title>' }) },
  { name: 'html-as-json', does: 'a page of HTML that says to be JSON', override: () => () => ({ headers: { 'content-type': 'application/json' }, body: '<!doctype html><title>provider text</title>' }) },
  { name: 'huge', does: 'a body of 2 MiB, which it announces', override: () => () => ({ headers: { 'content-type': 'application/json' }, body: ' '.repeat(2 << 20) }) },
  {
    name: 'endless', does: 'a body without an end',
    override: () => (_request, _usual, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const more = (): void => { while (!response.destroyed && response.write(' '.repeat(65_536))); }
      response.on('drain', more)
      more()
      return undefined
    }
  },
  {
    name: 'gzip-bomb', does: '10 MiB of spaces in a gzip of 10 KiB',
    override: () => (_request, _usual, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
      response.end(gzipSync(Buffer.alloc(10 << 20, ' ')))
      return undefined
    }
  },
  { name: 'headers', does: 'headers of 32 KiB', override: () => async (_request, usual) => ({ ...await usual(), headers: { 'content-type': 'application/json', 'x-much': 'x'.repeat(32_768) } }) },
  { name: 'empty', does: '200 with nothing', override: () => () => ({ headers: { 'content-type': 'application/json' } }) },
  { name: '204', does: '204', override: () => () => ({ status: 204 }) },
  {
    name: 'short', does: 'ends before the length that it announced',
    override: () => (_request, _usual, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 })
      response.write('{"access_token":"provider text"', () => response.destroy())
      return undefined
    }
  },
  { name: 'cut', does: 'cuts the connection', override: () => (_request, _usual, response) => { response.destroy(); return undefined } },
  {
    name: 'drip', does: 'one byte a second', client: { timeout: impatient },
    override: () => (_request, _usual, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.write(' ')
      const drip = setInterval(() => response.write(' '), 1000)
      response.on('close', () => { clearInterval(drip) })
      return undefined
    }
  },
  { name: 'hang', does: 'never answers', client: { timeout: impatient }, override: () => () => undefined },
  { name: '500', does: '500', override: () => () => ({ status: 500, body: 'provider text' }) },
  { name: '429', does: '429 with `Retry-After` in seconds', retryAfter: 7, override: () => () => ({ status: 429, headers: { 'retry-after': '7' }, body: 'provider text' }) },
  { name: '503', does: '503 with `Retry-After` as a date', client: { clock: standing }, retryAfter: 60, override: () => () => ({ status: 503, headers: { 'retry-after': 'Tue, 01 Jan 2030 00:01:00 GMT' }, body: 'provider text' }) },
  { name: '503-far', does: '503 with `Retry-After` in 2099, which counts as a day', retryAfter: 86_400, override: () => () => ({ status: 503, headers: { 'retry-after': 'Thu, 01 Jan 2099 00:00:00 GMT' }, body: 'provider text' }) }
]

function chapter (endpoint: HostileEndpoint, { title, about, no, protocols, connect, setting = {} }: { title: string, about: string, no: Barrier, protocols: ConformanceChapter['protocols'], connect?: Expected, setting?: ConformanceCase['client'] }): ConformanceChapter {
  return {
    title, about, protocols, rules: ['T6'], journey: 'sign-in and connect',
    // A clock that stands elsewhere would make ID tokens expire.
    cases: faults.filter(({ client }) => client?.clock === undefined || no === 'authorization' || endpoint === 'token').map(({ name, does, client, retryAfter, override }) => {
      const signIn = refusal(codes.unavailable, no, retryAfter === undefined ? {} : { retryAfter })
      return {
        name: `${endpoint}-${name}`, does,
        ...(client !== undefined || Object.keys(setting).length > 0) && { client: { ...setting, ...client } },
        misbehave: (op) => { op.overrides[endpoint] = override(op) },
        expected: { signIn, connect: connect ?? (no === 'authorization' ? signIn : refusal(codes.unavailable, no)) }
      }
    })
  }
}

export const transport: readonly ConformanceChapter[] = [
  chapter('discovery', { title: 'Discovery that fails', about: 'Size, time and redirects are limited for every request (T6). A document that could not be loaded is asked for again after a second at the soonest.', no: 'authorization', protocols: ['oidc'] }),
  chapter('par', { title: 'Pushed authorization request that fails', about: 'RFC 9126. Nobody is sent to the provider.', no: 'authorization', protocols: ['oidc', 'oauth2'], setting: { pushed: true } }),
  chapter('token', { title: 'Token endpoint that fails', about: 'The code is not sent again: nobody knows whether it was used.', no: 'userinfo', protocols: ['oidc', 'oauth2'] }),
  chapter('jwks', { title: 'Keys that cannot be loaded', about: 'Without keys no signature is checked, and without a signature nobody is signed in.', no: 'userinfo', protocols: ['oidc'] }),
  chapter('userinfo', { title: 'Userinfo that fails', about: 'A sign-in fails; for a connect the ID token says whose the grant is.', no: 'session', protocols: ['oidc'], connect: 'accepted' })
]

/** Whatever stands in an answer of 200, it is one (RFC 7009 section 2.2), and an empty one is the ordinary one. */
export const revocationFaults: readonly ConformanceCase[] = faults.filter(({ name, client }) => name !== 'empty' && client?.clock === undefined).map(({ name, does, client, override }) => ({
  name: `revoke-${name}`, does, ...client !== undefined && { client },
  misbehave: (op) => { op.overrides.revoke = override(op) },
  expected: name.startsWith('html') ? 'accepted' : refusal(codes.unavailable, 'session')
}))
