import { inspect } from 'node:util'
import t from 'tap'
import { ConsentryError, errorCodes, type ErrorCode } from '../src/errors.ts'

const codes = Object.keys(errorCodes) as ErrorCode[]

t.test('seed C: errors: every one has a stable code, a static message, and says whether to try again', async (t) => {
  for (const code of codes) {
    t.match(code, /^CONSENTRY_ERR_[A-Z]+(_[A-Z]+)*$/)
    const error = new ConsentryError(code, { cause: new Error('canary: what a provider sent'), retryAfter: 5 })
    t.ok(error instanceof Error)
    t.same([error.code, error.message, error.retryable, error.retryAfter], [code, errorCodes[code].message, errorCodes[code].retryable, 5])
    t.ok(ConsentryError.is(error, code))
  }
  t.ok(new Set(codes.map((code) => errorCodes[code].message)).size === codes.length, 'no two say the same')
})

t.test('seed C: errors: cancelled, timed out, expired and not renewed are told apart', async (t) => {
  const differ: ErrorCode[] = ['CONSENTRY_ERR_FLOW_CANCELLED', 'CONSENTRY_ERR_FLOW_EXPIRED', 'CONSENTRY_ERR_REAUTH_REQUIRED', 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE']
  for (const code of differ) t.same(differ.filter((other) => ConsentryError.is(new ConsentryError(code), other)), [code])
  t.same(differ.map((code) => errorCodes[code].retryable), [false, true, false, true])
})

t.test('B17: the cause is kept, and shown to nobody who did not ask for it', async (t) => {
  const error = new ConsentryError('CONSENTRY_ERR_INTERNAL', { cause: new Error('canary') })
  t.match(error.cause, { message: 'canary' })
  t.notMatch(JSON.stringify(error), 'canary')
  t.notMatch(inspect(error), 'canary')
})
