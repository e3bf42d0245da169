import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import * as fc from 'fast-check'
import t from 'tap'
import { ConsentryError } from '../src/errors.ts'
import type { ExecutionEvent } from '../src/events.ts'
import type { StartedExecution } from '../src/executions.ts'
import type { FlowOutcome } from '../src/flow.ts'
import type { GrantRecord, TokenSet } from '../src/grant.ts'
import { memoryState } from '../src/memory-state.ts'
import { memoryTokens } from '../src/memory-tokens.ts'
import type { StateStore, TokenStore } from '../src/ports.ts'
import type { AuthorizationResponse } from '../src/provider.ts'
import type { Abandoned } from './abandoned.ts'
import { account, alice, answer, createWorld, denial, fakeProvider, history, keyOf, lifetime, minute, rest, type World } from './world.ts'

const key = keyOf(alice)
const outcomes = new Set<FlowOutcome>(['granted', 'denied', 'cancelled', 'expired', 'superseded', 'account_mismatch', 'provider_error'])
const endings = new Set([
  'granted', 'CONSENTRY_ERR_CONSENT_DENIED', 'CONSENTRY_ERR_FLOW_CANCELLED', 'CONSENTRY_ERR_FLOW_EXPIRED', 'CONSENTRY_ERR_FLOW_SUPERSEDED', 'CONSENTRY_ERR_ACCOUNT_MISMATCH',
  'CONSENTRY_ERR_PROVIDER_REFUSED', 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE', 'CONSENTRY_ERR_SCOPES_MISSING', 'CONSENTRY_ERR_REAUTH_REQUIRED', 'CONSENTRY_ERR_EXECUTION_CANCELLED'
])

type Answer = 'all' | 'less' | 'denied' | 'error' | 'failing' | 'stranger' | 'nameless'
type Renewal = 'works' | 'away' | 'ended'

type Step =
  | { type: 'request', scopes: string[], timeout: number | undefined, partial: boolean, holds: boolean }
  | { type: 'answer', how: Answer, hang: boolean }
  | { type: 'finish' }
  | { type: 'cancel', which: number }
  | { type: 'withdraw' }
  | { type: 'disconnect' }
  | { type: 'renewal', how: Renewal }
  | { type: 'use' }
  | { type: 'time', ms: number }
  | { type: 'step', ms: number }
  | { type: 'open' }

const scopes = fc.subarray(['a', 'b', 'c'], { minLength: 1 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant('request' as const), scopes, timeout: fc.option(fc.integer({ min: 1, max: lifetime }), { nil: undefined }), partial: fc.boolean(), holds: fc.boolean() }) },
  { weight: 5, arbitrary: fc.record({ type: fc.constant('answer' as const), how: fc.constantFrom<Answer>('all', 'all', 'all', 'less', 'denied', 'error', 'failing', 'stranger', 'nameless'), hang: fc.boolean() }) },
  { weight: 2, arbitrary: fc.constant<Step>({ type: 'finish' }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('cancel' as const), which: fc.nat(20) }) },
  fc.constant<Step>({ type: 'withdraw' }),
  fc.constant<Step>({ type: 'disconnect' }),
  fc.constant<Step>({ type: 'open' }),
  { weight: 2, arbitrary: fc.record({ type: fc.constant('renewal' as const), how: fc.constantFrom<Renewal>('works', 'away', 'ended') }) },
  { weight: 2, arbitrary: fc.constant<Step>({ type: 'use' }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('time' as const), ms: fc.constantFrom(1_000, 20_000, 2 * minute, 11 * minute, 59 * minute) }) },
  fc.record({ type: fc.constant('step' as const), ms: fc.integer({ min: -5 * minute, max: 5 * minute }) })
)

interface Counted { state: StateStore, live: Set<string> }

/** A state store that knows what it holds. */
function counted (inner: StateStore): Counted {
  const live = new Set<string>()
  return {
    live,
    state: {
      ...inner,
      set: (key, ...rest) => { live.add(key); return inner.set(key, ...rest) },
      compareAndSet: (key, ...rest) => { live.add(key); return inner.compareAndSet(key, ...rest) },
      compareAndSetWith: (first, key, ...rest) => { live.add(first.key).add(key); return inner.compareAndSetWith(first, key, ...rest) },
      append: (key, ...rest) => { live.add(key); return inner.append(key, ...rest) }
    }
  }
}

/** Watches every write: who may replace a grant, and who may not. */
function watched (inner: TokenStore, problems: string[]): TokenStore {
  return {
    ...inner,
    async save (key, record, expected) {
      const before = (await inner.load(key))?.record
      const version = await inner.save(key, record, expected)
      if (version !== undefined && before?.account !== undefined && record.account?.subject !== before.account.subject) problems.push('another account took the place of the grant')
      if (version !== undefined && record.accessToken.startsWith('bad')) problems.push(`stored ${record.accessToken}`)
      return version
    }
  }
}

interface Script {
  world: World
  apply: (step: Step) => Promise<void>
  finish: () => Promise<void>
}

function script (world: World, runs: StartedExecution[], settled: string[], problems: string[]): Script {
  let how: Answer = 'all'
  let renewal: Renewal = 'works'
  let hang = false
  let count = 0
  let held: Array<() => void> = []
  // The executions that were given the grant and have not ended.
  const holding = new Set<string>()

  world.github.onExchange = async (scopes): Promise<TokenSet> => {
    const kind = how
    const granted = kind === 'less' ? scopes.slice(1) : scopes
    if (hang) await new Promise<void>((resolve) => { held.push(resolve) })
    if (kind === 'failing') throw new ConsentryError('CONSENTRY_ERR_PROVIDER_UNAVAILABLE')
    const name = kind === 'stranger' ? account('stranger') : account()
    return { accessToken: `access-${++count}`, tokenType: 'bearer', refreshToken: `refresh-${count}`, expiresIn: 3600, scopes: granted, ...(kind !== 'nameless' && { account: name }) }
  }
  world.github.onRefresh = () => {
    if (renewal === 'away') throw new ConsentryError('CONSENTRY_ERR_PROVIDER_UNAVAILABLE')
    if (renewal === 'ended') throw new ConsentryError('CONSENTRY_ERR_REAUTH_REQUIRED')
    return { accessToken: `renewed-${++count}`, tokenType: 'bearer', refreshToken: `renewed-${count}`, expiresIn: 3600 }
  }

  async function finish (): Promise<void> {
    for (const release of held) release()
    held = []
    await rest()
  }

  async function given (how: Answer): Promise<void> {
    // When it is known, another may be the one that hangs.
    const hangs = hang
    const flow = await world.flows.pending(key)
    if (flow === undefined || flow.status !== 'pending') return
    const before = (await world.tokens.load(key))?.record
    const response: AuthorizationResponse = how === 'denied' ? denial : how === 'error' ? { type: 'error', error: 'invalid_scope' } : { type: 'code', parameters: new URLSearchParams() }
    const outcome = await answer(world, flow.id, response).catch((error: unknown) => (error as ConsentryError).code)
    const after = (await world.tokens.load(key))?.record
    // B13, byte for byte, unless something else went on meanwhile.
    if (outcome !== 'granted' && !hangs && JSON.stringify(before) !== JSON.stringify(after)) problems.push(`${how} changed the grant`)
    if (outcome !== 'granted' && (how === 'all' || how === 'less') && !hangs && before?.account?.subject !== 'stranger' && before?.account !== undefined) problems.push(`${how} was not granted: ${outcome}`)
  }

  async function apply (step: Step): Promise<void> {
    switch (step.type) {
      case 'request':
        runs.push(await world.executions.start(alice, async (execution) => {
          const options = { scopes: step.scopes, partial: step.partial, ...(step.timeout !== undefined && { timeout: step.timeout }) }
          try {
            const grant = await execution.authorize('github', options)
            const missing = step.scopes.filter((scope) => !grant.scopes.includes(scope))
            if (JSON.stringify(missing) !== JSON.stringify(grant.missingScopes)) problems.push('missing scopes that are not said')
            settled.push(missing.length === 0 || step.partial ? 'granted' : 'granted too little')
          } catch (error) {
            settled.push(ConsentryError.is(error) ? error.code : String(error))
            return
          }
          if (!step.holds) return
          holding.add(execution.id)
          await new Promise<void>((resolve) => { execution.signal.addEventListener('abort', () => { resolve() }) })
          holding.delete(execution.id)
        }))
        return rest()
      case 'answer':
        how = step.how
        hang = step.hang
        if (hang) void given(step.how)
        else await given(step.how)
        return rest()
      case 'finish': return finish()
      case 'cancel': {
        const run = runs[step.which % Math.max(runs.length, 1)]
        if (run !== undefined) await world.executions.cancel(alice, run.id).catch(() => {})
        return
      }
      case 'withdraw': {
        const flow = await world.flows.pending(key)
        if (flow !== undefined) await world.flows.withdraw(flow.id, 'superseded')
        return rest()
      }
      case 'open': {
        const flow = await world.flows.pending(key)
        if (flow !== undefined) await world.flows.open(flow)
        return
      }
      case 'disconnect': {
        const held = [...holding]
        if (await world.grants.disconnect(key) === undefined) return
        await rest()
        for (const id of held) {
          const { status, error } = await world.executions.get(alice, id)
          if (status !== 'failed' || error?.code !== 'CONSENTRY_ERR_GRANT_REVOKED') problems.push('an execution outlived its grant')
        }
        return
      }
      case 'renewal':
        renewal = step.how
        return
      case 'use': return void await world.grants.available(key, { scopes: [] }).then((grant) => grant?.accessToken()).catch(() => {})
      case 'time': return world.clock.advance(step.ms)
      case 'step': return world.clock.step(step.ms)
    }
  }

  return { world, apply, finish }
}

function checkLog (events: ExecutionEvent[]): string | undefined {
  const open = new Map<string, number>()
  for (const [index, event] of events.entries()) {
    if (event.seq !== index + 1) return 'a gap'
    if (event.type === 'oauth_required') open.set(event.data.flowId, (open.get(event.data.flowId) ?? 0) + 1)
    if (event.type === 'oauth_resolved') {
      if (!outcomes.has(event.data.outcome)) return `outcome ${event.data.outcome}`
      if (!open.delete(event.data.flowId)) return 'resolved without a question, or twice'
    }
  }
  if (open.size > 0) return 'a question without an outcome'
  return undefined
}

t.test('random sequences of events: one outcome for each waiter, no grant lost, nothing left behind', async (t) => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
    const problems: string[] = []
    const runs: StartedExecution[] = []
    const settled: string[] = []
    const base = createWorld()
    const { state, live } = counted(memoryState({ clock: base.clock }))
    const world = createWorld({ clock: base.clock, state, tokens: watched(memoryTokens(), problems), github: fakeProvider() })
    const { apply, finish } = script(world, runs, settled, problems)
    const logs: ExecutionEvent[][] = []
    const feed = world.executions.feed(alice, (event) => {
      const index = runs.findIndex(({ id }) => id === event.executionId)
      if (index !== -1) (logs[index] ??= []).push(event)
    })
    for (const step of steps) {
      await apply(step)
      if (problems.length > 0) throw new Error(problems.join())
    }
    await finish()
    // The end of a flow is a time of the wall clock, which whoever joins it after a step back waits for.
    const back = steps.reduce((sum, step) => sum - (step.type === 'step' ? Math.min(step.ms, 0) : 0), 0)
    await world.clock.advance(lifetime + 2 * minute + back)
    if (settled.length !== runs.length) throw new Error(`${settled.length} outcomes for ${runs.length} waiters`)
    await world.clock.advance(60 * minute)
    await Promise.all(runs.map(({ ended }) => ended))
    if (settled.length !== runs.length) throw new Error(`${settled.length} outcomes for ${runs.length} waiters`)
    const stray = settled.find((ending) => !endings.has(ending))
    if (stray !== undefined) throw new Error(stray)
    if (await world.flows.pending(key) !== undefined) throw new Error('a pending flow')
    for (const { id } of runs) {
      if ((await world.executions.get(alice, id).catch(() => undefined)) === undefined) continue
      const problem = checkLog(await history(world, alice, id))
      if (problem !== undefined) throw new Error(problem)
    }
    feed.close()
    await world.clock.advance(3 * 60 * minute)
    for (const name of live) {
      if (await state.get(name) !== undefined || (await state.read(name, 0)).length > 0) throw new Error(`${name} is left`)
    }
    if (world.clock.timers !== 0) throw new Error(`${world.clock.timers} timers`)
    const record: GrantRecord | undefined = (await world.tokens.load(key))?.record
    if (record !== undefined && record.endedAt === undefined && record.refreshToken === undefined) throw new Error('a grant without a refresh token')
  }), { numRuns: 600, interruptAfterTimeLimit: 20_000 })
  t.pass('no counterexample')
})

t.test('R13: executions that nobody answers: one timer for each kind, and memory back at its base', async (t) => {
  // In a process of its own: the test runner follows every promise. Without its loaders too.
  const { NODE_OPTIONS: _options, ...env } = process.env
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(new URL('abandoned.js', import.meta.url))], { env })
  const { count, timersWaiting, timersAfter, bytesWaiting, bytesAfter, errors } = JSON.parse(stdout) as Abandoned
  t.ok(timersWaiting <= 3, `${timersWaiting} timers`)
  t.equal(timersAfter, 0)
  t.equal(errors, 0)
  t.ok(bytesWaiting > 1_000 && bytesWaiting < 13_000, `${bytesWaiting} bytes for each of ${count}`)
  t.ok(bytesAfter < 100, `${bytesAfter} bytes left of each`)
})
