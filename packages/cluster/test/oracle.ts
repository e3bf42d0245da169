import { isLast, type ExecutionEvent } from '@consentry/core'
import type { Presented } from '@consentry/testing'
import type { Disturbance, EndedRun, Evidence } from './evidence.ts'

/** How long what was disturbed may still have consequences, in milliseconds: a lock, a save that is tried again, a provider that is left alone. */
const aftermath = 10_000

/**
 * Compares what the provider saw with what the stores hold and what clients were told: one exchange per code, one use per
 * refresh token, one outcome per flow, one end per run, no consent lost, none in the wrong hands. Returns what is wrong.
 */
export function findFaults (evidence: Evidence): string[] {
  return [usedTwice, badLogs, contradictions, unfounded, lost, spent, foreign].flatMap((rule) => rule(evidence))
}

/** Whether one of these was going on between the two times. */
function excused ({ disturbances }: Evidence, what: ReadonlyArray<Disturbance['what']>, from: number, to: number): boolean {
  return disturbances.some((each) => what.includes(each.what) && each.from <= to && from <= each.to + aftermath)
}

/** R1, R8: a code never, a refresh token only by who cannot know that it was. */
function usedTwice (evidence: Evidence): string[] {
  const uses = new Map<string, Presented>()
  return evidence.presented.flatMap((use) => {
    const before = uses.get(use.value)
    uses.set(use.value, use)
    const excuses = use.type === 'code' ? ['state lost'] as const : ['node', 'provider', 'tokens'] as const
    return before === undefined || excused(evidence, excuses, before.at, use.at) ? [] : [`a ${use.type} was used twice within ${Math.round(use.at - before.at)} ms`]
  })
}

/** Every event once, in order; one end, and nothing after it; one outcome per flow. */
function badLogs (evidence: Evidence): string[] {
  const forgetful = evidence.disturbances.some(({ what }) => what === 'state lost')
  return evidence.runs.flatMap(({ id, events }) => {
    const wrong: string[] = []
    if (!forgetful && events.some(({ seq }, index) => seq !== index + 1)) wrong.push('its events have gaps')
    if (events.filter(({ type }) => isLast(type)).length !== 1 || !isLast(events.at(-1)?.type ?? 'running')) wrong.push('it has not one end')
    const outcomes = events.filter(isOutcome).map(({ data }) => data.flowId)
    if (new Set(outcomes).size !== outcomes.length) wrong.push('a flow of it has several outcomes')
    const unresolved = events.filter(isQuestion).filter(({ data }) => !outcomes.includes(data.flowId))
    if (!forgetful && events.at(-1)?.type === 'completed' && unresolved.length > 0) wrong.push('it completed with an open question')
    return wrong.map((what) => `run ${id}: ${what}`)
  })
}

const isOutcome = (event: ExecutionEvent): event is ExecutionEvent & { type: 'oauth_resolved' } => event.type === 'oauth_resolved'
const isQuestion = (event: ExecutionEvent): event is ExecutionEvent & { type: 'oauth_required' } => event.type === 'oauth_required'

/** Who waited for a flow hears what its record says, unless they stopped waiting before. */
function contradictions ({ runs, flows }: Evidence): string[] {
  const outcomes = new Map(flows.map(({ id, outcome }) => [id, outcome]))
  return runs.flatMap(({ id, events }: EndedRun) => events.filter(isOutcome).flatMap(({ data: { flowId, outcome } }) => {
    const recorded = outcomes.get(flowId)
    return recorded === undefined || recorded === outcome || outcome === 'cancelled' || outcome === 'expired' ? [] : [`run ${id}: told ${outcome} of a flow that was ${recorded}`]
  }))
}

/** Nothing was granted without a code that the provider took. */
function unfounded ({ presented, flows }: Evidence): string[] {
  const granted = flows.filter(({ outcome }) => outcome === 'granted').length
  const exchanged = presented.filter(({ type, status, clientId }) => type === 'code' && status === 200 && clientId === 'calendar').length
  return granted > exchanged ? [`${granted} flows were granted by ${exchanged} exchanges`] : []
}

/** R4: the newest tokens that the provider gave for somebody are stored, or were given back. */
function lost (evidence: Evidence): string[] {
  const stored = new Set(evidence.grants.map(({ record }) => record.refreshToken))
  const newest = new Map<string, Presented>()
  for (const use of evidence.presented) if (use.clientId === 'calendar' && use.brought !== undefined) newest.set(use.sub ?? '', use)
  return [...newest].flatMap(([sub, { at, brought = '' }]) => {
    if (stored.has(brought) || evidence.revoked.includes(brought)) return []
    return excused(evidence, ['node', 'provider', 'state', 'tokens'], at, at + aftermath) ? [] : [`the newest tokens of ${sub} are nowhere`]
  })
}

/** R3: no stored grant holds a refresh token that the provider has taken already. */
function spent (evidence: Evidence): string[] {
  const taken = new Map(evidence.presented.filter(({ type, status }) => type === 'refresh_token' && status === 200).map((use) => [use.value, use]))
  return evidence.grants.flatMap(({ userId, record }) => {
    const use = taken.get(record.refreshToken ?? '')
    return use === undefined || excused(evidence, ['node', 'provider', 'tokens'], use.at, use.at + aftermath) ? [] : [`the grant of ${userId} holds a refresh token that is spent`]
  })
}

/** B1: whose it is. */
function foreign ({ grants, people }: Evidence): string[] {
  return grants.flatMap(({ userId, record }) => record.account?.subject === people.get(userId) ? [] : [`the grant of ${userId} is of another account`])
}
