import type { ErrorCode } from './errors.ts'
import { claimGrace, isUnderWay, mayBeAbandoned, settled, type ConnectFlow, type Flow, type FlowOutcome, type FlowWaiter } from './flow.ts'
import type { GrantKey } from './grant.ts'
import { grantKeyId } from './keys.ts'
import type { Clock, Entry, StateStore } from './ports.ts'
import { unionScopes } from './scopes.ts'
import { createTurns } from './turns.ts'
import type { Wakeups } from './wakeups.ts'

/** What can happen to the record of a flow. Every change is a compare-and-set: of several at once each sees the other. */
export interface FlowRecords {
  find (id: string): Promise<Flow | undefined>
  add (flow: Flow): Promise<void>
  /** The connect flow that is under way for this key. */
  pending (key: GrantKey): Promise<ConnectFlow | undefined>
  /** Joins the flow that is under way for the key of `flow`, or adds `flow`. */
  joinOrAdd (flow: ConnectFlow): Promise<ConnectFlow>
  /**
   * Applies `change` until nobody else changed the flow in between; `undefined` from it leaves the flow as it is. With a
   * flow that was read before, and has not changed since, nothing is read.
   */
  update<F extends Flow> (flow: string | F, change: (flow: F) => F | undefined): Promise<F | undefined>
  /** Makes `change`, which claims the flow. From here on it counts as worked on, for as long as that may take. */
  claim<F extends Flow> (flow: F, change: (flow: F) => F | undefined): Promise<F | undefined>
  /** Ends the flow if whoever claimed it is gone. Resolves to the flow as it then is. */
  abandon (id: string): Promise<Flow | undefined>
  /** Ends the flow if it is in the status `when`. */
  end (flow: string | Flow, when: Flow['status'], outcome: FlowOutcome, error?: ErrorCode): Promise<boolean>
  /** What a waiter that stops waiting leaves behind: when it was the last, nobody needs the answer. Resolves to the flow as it then is. */
  leave (id: string, waiterId: string, outcome: 'cancelled' | 'expired'): Promise<Flow | undefined>
}

export interface FlowRecordsOptions {
  state: StateStore
  wakeups: Wakeups
  clock: Clock
  /** Hears of every flow that ended here, once. */
  onEnded?: ((flow: Flow) => void) | undefined
}

/** How long a flow is remembered after its time, so that a late visitor gets a clear page; milliseconds. */
const remembered = 10 * 60_000

const flowKey = (id: string): string => `flow:${id}`
/** Is there while a claim counts: for `claimGrace` by the time of the store, whatever the clocks of the nodes say. */
const claimKey = (id: string): string => `claim:${id}`
const pendingKey = (key: GrantKey): string => `pending:${grantKeyId(key)}`

export function createFlowRecords ({ state, wakeups, clock, onEnded }: FlowRecordsOptions): FlowRecords {
  // Many waiters of one process that join or leave at once would only be in each other's way.
  const inTurn = createTurns()
  const left = (flow: Flow): number => Math.max(flow.expiresAt - clock.now(), 0)

  async function find (id: string): Promise<Flow | undefined> {
    const json = await state.get(flowKey(id))
    return json === undefined ? undefined : JSON.parse(json) as Flow
  }

  async function add (flow: Flow): Promise<void> {
    await state.set(flowKey(flow.id), JSON.stringify(flow), left(flow) + remembered)
  }

  async function pending (key: GrantKey): Promise<ConnectFlow | undefined> {
    const id = await state.get(pendingKey(key))
    const flow = id === undefined ? undefined : await find(id) as ConnectFlow | undefined
    return flow !== undefined && isUnderWay(flow, clock.now()) && !await isAbandoned(flow) ? flow : undefined
  }

  async function isAbandoned (flow: Flow): Promise<boolean> {
    return mayBeAbandoned(flow, clock.now()) && await state.get(claimKey(flow.id)) === undefined
  }

  function update<F extends Flow> (known: string | F, change: (flow: F) => F | undefined, first?: Entry): Promise<F | undefined> {
    const id = typeof known === 'string' ? known : known.id
    return inTurn(id, async () => {
      let flow = typeof known === 'string' ? undefined : known
      // What was read is what its JSON says again: the compare-and-set finds out whether it still stands.
      let json = flow === undefined ? await state.get(flowKey(id)) : JSON.stringify(flow)
      for (;;) {
        flow ??= json === undefined ? undefined : JSON.parse(json) as F
        const changed = flow === undefined ? undefined : change(flow)
        if (changed === undefined) return undefined
        const swap = [flowKey(id), json, JSON.stringify(changed), left(changed) + remembered] as const
        if (await (first === undefined ? state.compareAndSet(...swap) : state.compareAndSetWith(first, ...swap))) return changed
        flow = undefined
        json = await state.get(flowKey(id))
      }
    })
  }

  /**
   * Durable first, then the hint. Which flow was the pending one of its key ends with its own time: who reads it until
   * then sees that the flow is over.
   */
  function tell (flow: Flow): void {
    wakeups.wake(`flow:${flow.id}`)
    onEnded?.(flow)
  }

  /** `undefined` when the flow is over. */
  async function join (id: string, joining: ConnectFlow, isAlive = false): Promise<ConnectFlow | undefined> {
    const { scopes, waiters, standing, byHandle } = joining
    let widened = false
    let doubtful: ConnectFlow | undefined
    const joined = await update<ConnectFlow>(id, (flow) => {
      if (!isUnderWay(flow, clock.now())) return undefined
      doubtful = !isAlive && mayBeAbandoned(flow, clock.now()) ? flow : undefined
      if (doubtful !== undefined) return undefined
      const union = flow.opened ? flow.scopes : unionScopes(flow.scopes, scopes)
      widened = union.length > flow.scopes.length
      return { ...flow, scopes: union, waiters: [...flow.waiters, ...waiters], standing: flow.standing || standing, byHandle: flow.byHandle || byHandle }
    })
    if (doubtful !== undefined && !await isAbandoned(doubtful)) return join(id, joining, true)
    if (widened) wakeups.wake(`flow:${id}`)
    return joined
  }

  return {
    find,
    add,
    pending,
    update,

    async joinOrAdd (flow) {
      const key = pendingKey(flow.key)
      const record = { key: flowKey(flow.id), value: JSON.stringify(flow), ttl: left(flow) + remembered }
      // As a rule nobody is being asked, and this is all.
      for (let current: string | undefined; ;) {
        if (await state.compareAndSetWith(record, key, current, flow.id, left(flow))) return flow
        current = await state.get(key)
        const joined = current === undefined ? undefined : await join(current, flow)
        if (joined !== undefined) return joined
      }
    },

    claim (flow, change) {
      return update(flow, change, { key: claimKey(flow.id), value: '', ttl: claimGrace })
    },

    async abandon (id) {
      const flow = await find(id)
      if (flow === undefined || !await isAbandoned(flow)) return flow
      const ended = await update(flow, (current) => current.status === 'claimed' ? settled(current, 'expired') : undefined)
      if (ended === undefined) return find(id)
      tell(ended)
      return ended
    },

    async end (known, when, outcome, error) {
      const ended = await update(known, (flow) => flow.status === when ? settled(flow, outcome, error) : undefined)
      if (ended !== undefined) tell(ended)
      return ended !== undefined
    },

    async leave (id, waiterId, outcome) {
      const flow = await update<ConnectFlow>(id, (flow) => {
        if (flow.status !== 'pending') return undefined
        const remaining = { ...flow, waiters: flow.waiters.filter((waiter: FlowWaiter) => waiter.id !== waiterId) }
        return remaining.waiters.length > 0 || flow.standing ? remaining : settled(remaining, outcome)
      })
      if (flow?.status === 'settled') tell(flow)
      return flow ?? find(id)
    }
  }
}
