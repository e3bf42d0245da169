import { readdir } from 'node:fs/promises'
import { inspect } from 'node:util'
import t from 'tap'
import { ConsentryError, errorCodes } from '../src/errors.ts'
import type { ErrorCode } from '../src/errors.ts'
import * as index from '../src/index.ts'
import { createWakeups } from '../src/wakeups.ts'
import { memoryState } from '../src/memory-state.ts'
import { randomId, systemRandomBytes } from '../src/random.ts'
import { codeOf, rest } from './world.ts'

t.test('every source file loads', async (t) => {
  const folder = new URL('../src/', import.meta.url)
  const files = (await readdir(folder)).filter((name) => name.endsWith('.js'))
  t.ok(files.length > 25)
  for (const file of files) t.ok(await import(new URL(file, folder).href), file)
})

t.test('what the package exports', async (t) => {
  t.same(Object.keys(index).sort(), [
    'ConsentryError', 'auditFlows', 'authorize', 'cached', 'createAudit', 'createDeadlines', 'createExecutions', 'createFlows', 'createGrants', 'createSessions', 'createWakeups', 'currentExecution',
    'defaultProfile', 'defaultTenant', 'errorCodes', 'flowIdOf', 'grantKeyId', 'grantState', 'isLast', 'isOver', 'memoryState', 'memoryTokens', 'missingScopes',
    'outcomeError', 'ownerId', 'randomId', 'sameAccount', 'sameOwner', 'seal', 'systemClock', 'systemRandomBytes', 'unseal'
  ])
})

t.test('every code has a message that can be shown, and says whether trying again may help', async (t) => {
  const codes = Object.keys(errorCodes) as ErrorCode[]
  t.ok(codes.length > 30)
  for (const code of codes) {
    const error = new ConsentryError(code)
    t.match(code, /^CONSENTRY_ERR_[A-Z_]+$/)
    t.match(error.message, /^[A-Za-z].*\.$/)
    t.type(error.retryable, 'boolean')
    t.same([error.name, error.code, error.cause, error.retryAfter], ['ConsentryError', code, undefined, undefined])
  }
  t.equal(new Set(codes.map((code) => errorCodes[code].message)).size, codes.length)
})

t.test('the cause is kept, and no logger walks into it', async (t) => {
  const cause = new Error('canary')
  const error = new ConsentryError('CONSENTRY_ERR_PROVIDER_UNAVAILABLE', { cause, retryAfter: 5_000 })
  t.equal(error.cause, cause)
  t.equal(error.retryAfter, 5_000)
  t.notOk(Object.keys(error).includes('cause'))
  t.notMatch(JSON.stringify(error) + JSON.stringify(Object.entries(error)), 'canary')
  t.ok(error instanceof Error && inspect(error).includes('CONSENTRY_ERR_PROVIDER_UNAVAILABLE'))
})

t.test('ConsentryError.is', async (t) => {
  const error = new ConsentryError('CONSENTRY_ERR_FORBIDDEN')
  t.ok(ConsentryError.is(error))
  t.ok(ConsentryError.is(error, 'CONSENTRY_ERR_FORBIDDEN'))
  t.notOk(ConsentryError.is(error, 'CONSENTRY_ERR_SHUTDOWN'))
  for (const other of [new Error('x'), { code: 'CONSENTRY_ERR_FORBIDDEN' }, null, undefined, 'CONSENTRY_ERR_FORBIDDEN']) t.notOk(ConsentryError.is(other))
})

t.test('outcomes have their errors', async (t) => {
  t.same((['denied', 'cancelled', 'expired', 'superseded', 'account_mismatch', 'provider_error'] as const).map((outcome) => index.outcomeError(outcome).code), [
    'CONSENTRY_ERR_CONSENT_DENIED', 'CONSENTRY_ERR_FLOW_CANCELLED', 'CONSENTRY_ERR_FLOW_EXPIRED', 'CONSENTRY_ERR_FLOW_SUPERSEDED', 'CONSENTRY_ERR_ACCOUNT_MISMATCH', 'CONSENTRY_ERR_PROVIDER_REFUSED'
  ])
  t.equal(index.outcomeError('provider_error', 'CONSENTRY_ERR_PROVIDER_MISCONFIGURED').code, 'CONSENTRY_ERR_PROVIDER_MISCONFIGURED')
})

t.test('random bytes: of the length asked for, never the same, never held on to', async (t) => {
  const seen = new Set<string>()
  for (let index = 0; index < 2_000; index++) seen.add(randomId(16, systemRandomBytes))
  t.equal(seen.size, 2_000)
  for (const size of [0, 1, 32, 4_096, 5_000]) t.equal(systemRandomBytes(size).length, size)
  const bytes = systemRandomBytes(32)
  const copy = Buffer.from(bytes)
  systemRandomBytes(32)
  t.same(Buffer.from(bytes), copy)
})

t.test('wake-ups: one subscription, one message for each turn, junk is not heard', async (t) => {
  const inner = memoryState()
  const published: string[] = []
  let subscriptions = 0
  let away = true
  const wakeups = createWakeups({
    ...inner,
    publish: (channel, message) => { published.push(message); return inner.publish(channel, message) },
    subscribe: async (channel, listener) => {
      if (away) throw new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE')
      subscriptions++
      return inner.subscribe(channel, listener)
    }
  })
  t.same(await Promise.all([codeOf(wakeups.ready()), codeOf(wakeups.ready())]), ['CONSENTRY_ERR_STORE_UNAVAILABLE', 'CONSENTRY_ERR_STORE_UNAVAILABLE'])
  away = false
  await Promise.all([wakeups.ready(), wakeups.ready()])
  t.equal(subscriptions, 1, 'tried again, once for all')
  const heard: string[] = []
  const stops = ['1', '2', '3'].map((name) => wakeups.on('topic', (detail) => { heard.push(name + detail) }))
  wakeups.on('other', () => { heard.push('other') })
  await inner.publish('consentry:wakeups', 'no json')
  wakeups.wake('topic', 'a')
  wakeups.wake('topic', 'b')
  wakeups.wake('nobody')
  await rest()
  t.equal(published.length, 1)
  t.same(heard.splice(0), ['1a', '2a', '3a', '1b', '2b', '3b'])
  stops[1]?.()
  stops[1]?.()
  stops[0]?.()
  wakeups.wake('topic', 'c')
  await rest()
  stops[2]?.()
  wakeups.wake('topic', 'd')
  await rest()
  t.same(heard, ['3c'])
  await wakeups.close()
  wakeups.on('topic', () => { heard.push('late') })
  wakeups.wake('topic')
  await rest()
  t.same(heard, ['3c'])
})
