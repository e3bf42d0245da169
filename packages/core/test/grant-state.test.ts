import * as fc from 'fast-check'
import t from 'tap'
import type { FlowOutcome } from '../src/flow.ts'
import { grantState, isStale, type GrantState, type Situation } from '../src/grant-state.ts'
import { sameAccount, type GrantRecord } from '../src/grant.ts'
import { missingScopes } from '../src/scopes.ts'
import { grantOf } from './world.ts'

const now = 1_700_000_000_000
const refreshBuffer = 60_000
const requirement = { scopes: ['read', 'write'], account: { issuer: 'https://github.com', subject: 'octocat' } }
const outcomes: FlowOutcome[] = ['granted', 'denied', 'cancelled', 'expired', 'superseded', 'account_mismatch', 'provider_error']

const base = grantOf({ scopes: ['read', 'write'], createdAt: now - 3_600_000, updatedAt: now - 3_600_000, expiresAt: now + 3_600_000 })
const without = ({ refreshToken: _refreshToken, ...record }: GrantRecord): GrantRecord => record

const ages: Record<string, Partial<GrantRecord>> = {
  good: {},
  stale: { expiresAt: now + 30_000 },
  expired: { expiresAt: now }
}
const shapes: Record<string, Partial<GrantRecord>> = {
  covering: {},
  'lacking a scope': { scopes: ['read'] },
  'of another account': { account: { issuer: 'https://github.com', subject: 'other', claims: {} } },
  ended: { endedAt: now - 1 }
}
const flows: Record<string, Situation['flow']> = {
  none: undefined,
  pending: { status: 'pending' },
  claimed: { status: 'claimed' },
  ...Object.fromEntries(outcomes.map((outcome) => [outcome, { status: 'settled', outcome }]))
}

/** The table as a person would write it down. */
function expected (shape: string, age: string, renewable: boolean, flow: string): GrantState {
  if (shape === 'covering') {
    if (age === 'good') return 'skip_auth'
    if (renewable) return 'do_refresh'
    if (age === 'stale') return 'skip_auth'
  }
  if (flow === 'pending' || flow === 'claimed') return 'pending_resolve'
  if (shape === 'absent') return 'no_session'
  return flow === 'granted' ? 'resolved' : 'do_auth'
}

t.test('seed E: states: every transition', async (t) => {
  let rows = 0
  for (const [flowName, flow] of Object.entries(flows)) {
    const check = (grant: GrantRecord | undefined, shape: string, age: string, renewable: boolean): void => {
      rows++
      t.equal(grantState({ grant, flow, requirement, now, refreshBuffer }), expected(shape, age, renewable, flowName), `${shape} ${age} ${renewable ? 'renewable' : 'not renewable'}, flow ${flowName}`)
    }
    check(undefined, 'absent', 'good', false)
    for (const [shapeName, shape] of Object.entries(shapes)) {
      for (const [ageName, age] of Object.entries(ages)) {
        const grant = { ...base, ...shape, ...age }
        check(grant, shapeName, ageName, true)
        check(without(grant), shapeName, ageName, false)
      }
    }
  }
  t.equal(rows, 10 * 25)
})

t.test('a grant without a lifetime never goes stale, and one without an account serves nobody who names one', async (t) => {
  const { expiresAt: _expiresAt, ...endless } = base
  t.equal(grantState({ grant: endless, flow: undefined, requirement, now: now + 1e12, refreshBuffer }), 'skip_auth')
  const { account: _account, ...anonymous } = base
  t.equal(grantState({ grant: anonymous, flow: undefined, requirement, now, refreshBuffer }), 'do_auth')
  t.equal(grantState({ grant: anonymous, flow: undefined, requirement: { scopes: ['read'] }, now, refreshBuffer }), 'skip_auth')
})

t.test('the buffer is at most a quarter of the life of the token', async (t) => {
  const short = { ...base, updatedAt: now, expiresAt: now + 40_000 }
  t.notOk(isStale(short, now, refreshBuffer))
  t.notOk(isStale(short, now + 27_999, refreshBuffer))
  t.ok(isStale(short, now + 30_000, refreshBuffer))
})

t.test('R12: what was issued together is not renewed together', async (t) => {
  const grants = Array.from({ length: 200 }, (_, index) => ({ ...base, updatedAt: now, expiresAt: now + 3_600_000, accessToken: `${index}.${'x'.repeat(index % 7)}` }))
  const staleAt = (at: number): number => grants.filter((grant) => isStale(grant, now + 3_600_000 - at, refreshBuffer)).length
  t.equal(staleAt(refreshBuffer), 200, 'the buffer is kept')
  t.equal(staleAt(refreshBuffer * 1.2 + 1), 0)
  const half = staleAt(refreshBuffer * 1.1)
  t.ok(half > 60 && half < 140, `${half} of 200 in the first half of the spread`)
})

t.test('B7: accounts are the same by issuer and subject, not by e-mail', async (t) => {
  t.ok(sameAccount({ issuer: 'a', subject: '1' }, { issuer: 'a', subject: '1' }))
  t.notOk(sameAccount({ issuer: 'a', subject: '1' }, { issuer: 'b', subject: '1' }))
  t.notOk(sameAccount({ issuer: 'a', subject: '1' }, { issuer: 'a', subject: '2' }))
  t.same(missingScopes({ scopes: ['a', 'b'] }, ['b', 'c', 'A']), ['c', 'A'])
})

t.test('a pure and total function', async () => {
  const time = fc.integer({ min: now - 1e9, max: now + 1e9 })
  const scopes = fc.subarray(['read', 'write', 'admin'])
  const account = fc.record({ issuer: fc.constantFrom('a', 'b'), subject: fc.constantFrom('1', '2'), claims: fc.constant({}) })
  const grant = fc.record({
    v: fc.constant<1>(1), accessToken: fc.string(), tokenType: fc.constant('bearer'), refreshToken: fc.string(), expiresAt: time,
    scopes, requestedScopes: scopes, account, createdAt: time, updatedAt: time, endedAt: time
  }, { requiredKeys: ['v', 'accessToken', 'tokenType', 'scopes', 'requestedScopes', 'createdAt', 'updatedAt'] })
  const flow = fc.constantFrom(...Object.values(flows))
  const states = new Set<GrantState>(['skip_auth', 'do_refresh', 'pending_resolve', 'resolved', 'do_auth', 'no_session'])
  fc.assert(fc.property(fc.option(grant, { nil: undefined }), flow, scopes, fc.option(account, { nil: undefined }), time, fc.nat(1e7), (grant, flow, scopes, account, at, refreshBuffer) => {
    const situation: Situation = { grant, flow, requirement: { scopes, ...(account !== undefined && { account }) }, now: at, refreshBuffer }
    const before = JSON.stringify(situation)
    const state = grantState(situation)
    if (!states.has(state)) throw new Error(state)
    if (grantState(situation) !== state || JSON.stringify(situation) !== before) throw new Error('not pure')
    if (grant === undefined && state !== 'no_session' && state !== 'pending_resolve') throw new Error('a grant from nowhere')
    if (state === 'skip_auth' && grant?.expiresAt !== undefined && grant.expiresAt <= at) throw new Error('an expired token')
    if ((state === 'skip_auth' || state === 'do_refresh') && (grant?.endedAt !== undefined || scopes.some((scope) => grant?.scopes.includes(scope) !== true))) throw new Error('does not serve')
  }), { numRuns: 2000 })
})
