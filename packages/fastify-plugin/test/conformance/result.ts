import type { Barrier, Expected, HostileEndpoint, HostileProvider } from '@consentry/testing'

/** What became of a trial. */
export type Result =
  { outcome: 'accepted' | 'accepted, account unknown' | 'asked again' } |
  Refused

export interface Refused {
  outcome: 'refused'
  code: string | undefined
  no: Barrier
  keeps?: boolean
  /** The run that waits was told. */
  settles?: boolean
  retryAfter?: number
}

/** What an endpoint was asked how often, to tell later what came after. */
export type Mark = Readonly<Record<HostileEndpoint, number>>

export function markOf ({ ledger: { requests } }: HostileProvider): Mark {
  return Object.fromEntries(Object.entries(requests).map(([endpoint, list]) => [endpoint, list.length])) as Record<HostileEndpoint, number>
}

const order: ReadonlyArray<readonly [Barrier, HostileEndpoint]> = [['authorization', 'authorize'], ['token', 'token'], ['userinfo', 'userinfo']]

/** The first of the requests that was not made after the mark; throws when a later one was. */
export function silence (op: HostileProvider, before: Mark): Barrier {
  const after = markOf(op)
  const asked = (endpoint: HostileEndpoint): boolean => after[endpoint] > before[endpoint]
  const silent = order.findIndex(([, endpoint]) => !asked(endpoint))
  const late = silent === -1 ? undefined : order.slice(silent).find(([, endpoint]) => asked(endpoint))
  if (late !== undefined) throw new Error(`${late[1]} was asked without what comes before it`)
  return order[silent]?.[0] ?? 'session'
}

const words: Record<Barrier, string> = {
  authorization: 'nobody sent there', token: 'no token request', userinfo: 'no userinfo request', session: 'nothing kept'
}

/** For the table, and to compare with what was seen. */
export function expectedText (expected: Expected): string {
  return typeof expected === 'string' ? expected : refused(expected)
}

export function seenText (result: Result, expected: Expected): string {
  if (result.outcome !== 'refused') return result.outcome
  const { code = 'no code', no, keeps = false, retryAfter } = result
  // Any wait is right, unless the case is about it.
  const waits = typeof expected !== 'string' && expected.retryAfter !== undefined && retryAfter !== undefined
  return refused({ code, no, keeps, ...waits && { retryAfter } })
}

function refused ({ code, no, keeps = false, retryAfter }: { code: string, no: Barrier, keeps?: boolean, retryAfter?: number }): string {
  const held = keeps ? 'what is held stays' : undefined
  const wait = retryAfter === undefined ? undefined : `again in ${retryAfter} s`
  return [`\`${code}\``, keeps && no === 'session' ? undefined : words[no], held, wait].filter((part) => part !== undefined).join(', ')
}
