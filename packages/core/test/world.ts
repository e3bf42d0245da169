import { createClock, type ManualClock } from '@consentry/testing'
import { ConsentryError } from '../src/errors.ts'
import type { ExecutionEvent } from '../src/events.ts'
import type { ExecutionDocument } from '../src/execution.ts'
import { createExecutions, type Executions } from '../src/executions.ts'
import type { EventFeed } from '../src/feed.ts'
import type { ConnectFlow, FlowOutcome } from '../src/flow.ts'
import { createFlows, type Flows } from '../src/flows.ts'
import type { GrantKey, GrantRecord, Owner, TokenSet } from '../src/grant.ts'
import { auditFlows, createAudit, type AuditEntry } from '../src/audit.ts'
import { createGrants, type Connection, type Grants } from '../src/grants.ts'
import { memoryState } from '../src/memory-state.ts'
import { memoryTokens } from '../src/memory-tokens.ts'
import type { StateStore, TokenStore } from '../src/ports.ts'
import type { AuthorizationResponse, Provider, RedirectProvider, RefreshRequest } from '../src/provider.ts'
import { systemRandomBytes } from '../src/random.ts'
import { createWakeups, type Wakeups } from '../src/wakeups.ts'

export const minute = 60_000
export const lifetime = 10 * minute
export const alice: Owner = { tenant: 'default', userId: 'alice' }
export const bob: Owner = { tenant: 'default', userId: 'bob' }
export const code: AuthorizationResponse = { type: 'code', parameters: new URLSearchParams({ code: 'canary-code' }) }
export const denial: AuthorizationResponse = { type: 'error', error: 'access_denied' }

export const keyOf = (owner: Owner, provider = 'github', profile = 'default'): GrantKey => ({ ...owner, provider, profile })

/** The network's edge: what the authorization server answers, and what it was asked. */
export interface FakeProvider extends RedirectProvider {
  exchanges: number
  refreshes: string[]
  revoked: string[]
  /** Replaced by tests. */
  onExchange: (scopes: readonly string[]) => Promise<TokenSet> | TokenSet
  onRefresh: (request: RefreshRequest) => Promise<TokenSet> | TokenSet
  onUserInfo: RedirectProvider['userInfo']
}

export const account = (subject = 'octocat') => ({ issuer: 'https://github.com', subject, claims: { email: `${subject}@example.com` } })

export function fakeProvider (): FakeProvider {
  let tokens = 0
  const fresh = (): TokenSet => ({ accessToken: `access-${++tokens}`, tokenType: 'bearer', refreshToken: `refresh-${tokens}`, expiresIn: 3600, account: account() })
  const provider: FakeProvider = {
    kind: 'redirect',
    label: 'GitHub',
    host: 'github.com',
    issuer: 'https://github.com',
    defaultScopes: ['read'],
    exchanges: 0,
    refreshes: [],
    revoked: [],
    onExchange: (scopes) => ({ ...fresh(), scopes }),
    onRefresh: fresh,
    onUserInfo: async () => undefined,
    async authorizationUrl ({ state }) { return new URL(`https://github.com/authorize?state=${state}`) },
    async authorizationResponse () { return code },
    async exchange (_response, check) {
      provider.exchanges++
      return provider.onExchange(check.scopes)
    },
    async refresh (request) {
      provider.refreshes.push(request.refreshToken)
      return provider.onRefresh(request)
    },
    async revoke ({ accessToken }) {
      provider.revoked.push(accessToken)
      return true
    },
    userInfo: (tokens) => provider.onUserInfo(tokens)
  }
  return provider
}

export interface World {
  clock: ManualClock
  state: StateStore
  tokens: TokenStore
  wakeups: Wakeups
  github: FakeProvider
  flows: Flows
  grants: Grants
  executions: Executions
  /** What `onError` heard. */
  errors: unknown[]
  audits: AuditEntry[]
  reauths: Array<[Owner, Connection]>
}

export interface WorldOptions {
  clock?: ManualClock
  state?: StateStore
  tokens?: TokenStore
  github?: FakeProvider
  onReauthRequired?: () => void
  /** Others beside it. */
  providers?: Record<string, Provider>
  fetch?: typeof globalThis.fetch
  maxPerUser?: number
  maxEvents?: number
  lifetime?: number
}

/** Everything of one node, on a clock that stands. */
export function createWorld (options: WorldOptions = {}): World {
  const clock = options.clock ?? createClock(1_700_000_000_000)
  const state = options.state ?? memoryState({ clock })
  const tokens = options.tokens ?? memoryTokens()
  const github = options.github ?? fakeProvider()
  const wakeups = createWakeups(state)
  const errors: unknown[] = []
  const onError = (error: unknown): void => { errors.push(error) }
  const randomBytes = systemRandomBytes
  const audits: AuditEntry[] = []
  const reauths: World['reauths'] = []
  const audit = createAudit({ clock, onAudit: (entry) => { audits.push(entry) }, onError })
  const flows = createFlows({ state, wakeups, clock, randomBytes, lifetime: options.lifetime ?? lifetime, redirectUri: (provider) => `https://app.test/auth/callback/${provider}`, onConnect: auditFlows(audit) })
  const grants = createGrants({ providers: { github, ...options.providers }, tokens, flows, wakeups, clock, audit, onReauthRequired: options.onReauthRequired ?? ((owner, ended) => { reauths.push([owner, ended]) }), fetch: options.fetch ?? fetch, refreshBuffer: minute, onError })
  const executions = createExecutions({
    state,
    wakeups,
    clock,
    randomBytes,
    grants,
    connectUrl: (id) => `https://app.test/auth/connect/${id}`,
    maxAge: 60 * minute,
    retention: 10 * minute,
    maxPerUser: options.maxPerUser ?? 100,
    maxEvents: options.maxEvents ?? 100,
    onError
  })
  return { clock, state, tokens, wakeups, github, flows, grants, executions, errors, audits, reauths }
}

/** What the browser does: opens the link, comes back with the answer. Resolves to the outcome. */
export async function answer ({ flows, grants }: Pick<World, 'flows' | 'grants'>, id: string, response: AuthorizationResponse = code, owner?: Owner): Promise<FlowOutcome> {
  const found = await flows.find(id) as ConnectFlow
  const flow = await flows.open(found)
  const matched = await flows.match({ state: flow.state, provider: flow.provider, binding: () => flow.binding, owner: owner ?? flow.key })
  const claimed = await flows.claim(matched)
  if (claimed === undefined) return (await flows.ended(flow)).outcome ?? 'expired'
  return (await grants.complete(claimed as typeof claimed & ConnectFlow, response)).outcome
}

/** Lets everything that is under way come to rest. */
export async function rest (turns = 5): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => { setImmediate(resolve) })
}

/** The code that a promise rejects with; anything else is handed on. */
export async function codeOf (promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'none'
  } catch (error) {
    if (ConsentryError.is(error)) return error.code
    throw error
  }
}

/** The pending question of an execution; there must be exactly one. */
export async function question ({ executions }: Pick<World, 'executions'>, owner: Owner, id: string): Promise<string> {
  const { pending = [] } = await executions.get(owner, id)
  if (pending.length !== 1 || pending[0] === undefined) throw new Error(`${pending.length} questions`)
  return pending[0].flowId
}

/** A feed that remembers what it sent. */
export function listen ({ executions }: Pick<World, 'executions'>, owner: Owner): { feed: EventFeed, events: ExecutionEvent[] } {
  const events: ExecutionEvent[] = []
  return { feed: executions.feed(owner, (event) => { events.push(event) }), events }
}

/** All events of an execution, as a client that comes late sees them. */
export async function history (world: Pick<World, 'executions'>, owner: Owner, id: string): Promise<ExecutionEvent[]> {
  const { feed, events } = listen(world, owner)
  await feed.subscribe(id)
  feed.close()
  return events
}

export const types = (events: ExecutionEvent[]): string[] => events.map(({ type }) => type)

export function grantOf (values: Partial<GrantRecord> = {}, now = 1_700_000_000_000): GrantRecord {
  return {
    v: 1,
    accessToken: 'stored-access',
    tokenType: 'bearer',
    refreshToken: 'stored-refresh',
    expiresAt: now + 60 * minute,
    scopes: ['read'],
    requestedScopes: ['read'],
    account: account(),
    createdAt: now,
    updatedAt: now,
    ...values
  }
}

export const statusOf = ({ status, error }: ExecutionDocument): string => error?.code ?? status
