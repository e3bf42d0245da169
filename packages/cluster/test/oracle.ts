import { isLast, type ConnectFlow, type ExecutionEvent } from '@consentry/core'
import type { Presented } from '@consentry/testing'
import { performance } from 'node:perf_hooks'
import type { Disturbance, Evidence } from './evidence.ts'

/** How long what was disturbed may still have consequences, in milliseconds: a lock, a save that is tried again, a provider that is left alone. */
const aftermath = 10_000

/**
 * Compares what the provider saw with what the stores hold and what clients were told: one exchange per code, one use per
 * refresh token, one outcome per flow, one end per run, no consent lost, none in the wrong hands. Returns what is wrong.
 */
export function findFaults (evidence: Evidence): string[] {
  return [usedTwice, badLogs, contradictions, unsettled, unfounded, lost, spent, foreign].flatMap((rule) => rule(evidence))
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
    // A code again if the claim was forgotten; a refresh token if nobody can have kept what came of it.
    const isExcused = before === undefined || (use.type === 'code'
      ? excused(evidence, ['state lost'], before.at, before.at)
      : excused(evidence, ['node', 'provider', 'tokens'], before.at, use.at))
    return isExcused ? [] : [`a ${use.type} was used twice within ${Math.round(use.at - before.at)} ms`]
  })
}

/** Every event once, in order, except those that Redis forgot; one end, and nothing after it; one outcome per flow. */
function badLogs (evidence: Evidence): string[] {
  return evidence.runs.flatMap(({ id, events }) => {
    const wrong: string[] = []
    const forgotten = evidence.forgotten?.events.get(id)
    const seqs = events.map(({ seq }) => seq)
    const last = events.at(-1)?.type ?? 'running'
    const outcomes = events.filter(isOutcome).map(({ data }) => data.flowId)
    if (new Set(outcomes).size !== outcomes.length) wrong.push('a flow of it has several outcomes')
    if (events.slice(0, -1).some(({ type }) => isLast(type))) wrong.push('something comes after its end')
    if (!isLast(last) && (forgotten === undefined || !isOrphaned(evidence, events))) wrong.push('it has no end')
    for (let seq = 1; seq <= (seqs.at(-1) ?? 0); seq++) if (!seqs.includes(seq) && forgotten?.has(seq) !== true) wrong.push(`it has no event ${seq}`)
    if (last === 'completed' && forgotten === undefined && events.filter(isQuestion).some(({ data }) => !outcomes.includes(data.flowId))) wrong.push('it completed with an open question')
    return wrong.map((what) => `run ${id}: ${what}; it has ${events.map(({ seq, type }) => `${seq} ${type}`).join(', ')}`)
  })
}

/** Whether the node that would write a forgotten end again may be gone. */
function isOrphaned (evidence: Evidence, events: readonly ExecutionEvent[]): boolean {
  const at = Date.parse(events.at(-1)?.time ?? '') - performance.timeOrigin
  return excused(evidence, ['node'], at, at + 2 * aftermath)
}

const isOutcome = (event: ExecutionEvent): event is ExecutionEvent & { type: 'oauth_resolved' } => event.type === 'oauth_resolved'
const isQuestion = (event: ExecutionEvent): event is ExecutionEvent & { type: 'oauth_required' } => event.type === 'oauth_required'

/** Who waited for a flow hears what its record says, unless they stopped waiting before. */
function contradictions (evidence: Evidence): string[] {
  const recorded = new Map(evidence.flows.map(({ id, outcome }) => [id, outcome]))
  return evidence.runs.flatMap(({ id, events }) => events.filter(isOutcome).flatMap(({ data: { flowId, outcome } }) => {
    const known = recorded.get(flowId)
    if (known === undefined || known === outcome || outcome === 'cancelled' || outcome === 'expired' || evidence.forgotten?.flows.has(flowId) === true) return []
    return [`run ${id}: told ${outcome} of a flow that was ${known}`]
  }))
}

/** Whoever waited for a flow has ended it when its time was over, unless they were gone by then. */
function unsettled (evidence: Evidence): string[] {
  const now = Date.now()
  return evidence.flows.filter((flow) => flow.status !== 'settled' && flow.waiters.length > 0 && ending(flow) < now).flatMap((flow) => {
    const [from, to] = [flow.createdAt, ending(flow)].map((time) => time - performance.timeOrigin) as [number, number]
    return excused(evidence, ['node', 'state', 'state lost'], from, to) ? [] : [`flow ${flow.id}: still ${flow.status}`]
  })
}

/** When it is over at the latest: an answer that came in time may be worked on for half a minute. */
const ending = ({ expiresAt }: ConnectFlow): number => expiresAt + 35_000

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
