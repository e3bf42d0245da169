import type { Deadline, Deadlines } from './deadlines.ts'
import type { Clock, StateStore } from './ports.ts'

/** One key in the state store says that this node is there; others look at it. */
export interface Lease {
  /** The name of this node. */
  readonly node: string
  /** Takes the lease, unless it is held. It is renewed for as long as `isNeeded`. */
  hold (): Promise<void>
  /** Whether the node of this name is gone for certain. */
  isGone (node: string): Promise<boolean>
  /** Calls `listener` once, when the node of this name is gone. */
  watch (node: string, listener: () => void): () => void
  /** What the store said lately about others may be wrong: it was away. */
  doubt (): void
  close (): Promise<void>
}

export interface LeaseOptions {
  state: StateStore
  clock: Clock
  deadlines: Deadlines
  node: string
  /** How long a node that is not heard of counts as there, in milliseconds. */
  length: number
  isNeeded: () => boolean
  /** The lease had ended before it was renewed: others may have acted on that. */
  onLapse: () => void
  onError: (error: unknown, doing: string) => void
}

const key = (node: string): string => `node:${node}`

/** The store ends a lease by its own time. This node's clock decides only when to renew, and when to look. */
export function createLease ({ state, clock, deadlines, node, length, isNeeded, onLapse, onError }: LeaseOptions): Lease {
  const watched = new Map<string, Set<() => void>>()
  let held: Promise<void> | undefined
  let renewal: Deadline | undefined
  let look: Deadline | undefined
  let trustedFrom = -Infinity
  let closed = false

  // While the store was away nobody could renew: a missing lease says nothing until all had the time to.
  const doubt = (): void => { trustedFrom = clock.monotonic() + length }

  function renewIn (ms: number): void {
    if (!closed) renewal = deadlines.add(ms, renewNow, undefined)
  }

  async function renew (): Promise<void> {
    if (!isNeeded()) {
      held = undefined
      return
    }
    try {
      if (!await state.compareAndSet(key(node), node, node, length)) {
        await state.set(key(node), node, length)
        doubt()
        onLapse()
      }
      renewIn(length / 3)
    } catch (error) {
      onError(error, 'renewing the lease of this node')
      doubt()
      renewIn(length / 10)
    }
  }

  function renewNow (): void { void renew() }

  async function isGone (other: string): Promise<boolean> {
    try {
      return await state.get(key(other)) === undefined && clock.monotonic() >= trustedFrom
    } catch (error) {
      doubt()
      throw error
    }
  }

  async function lookAround (): Promise<void> {
    for (const [other, listeners] of watched) {
      if (!await isGone(other).catch(() => false)) continue
      watched.delete(other)
      for (const listener of listeners) listener()
    }
    look = undefined
    lookLater()
  }

  function lookNow (): void { void lookAround() }

  function lookLater (): void {
    if (!closed && watched.size > 0) look ??= deadlines.add(length / 3, lookNow, undefined)
  }

  return {
    node,
    isGone,
    doubt,

    hold () {
      held ??= state.set(key(node), node, length).then(() => renewIn(length / 3), (error: unknown) => {
        held = undefined
        throw error
      })
      return held
    },

    watch (other, listener) {
      let listeners = watched.get(other)
      if (listeners === undefined) watched.set(other, listeners = new Set())
      listeners.add(listener)
      lookLater()
      return () => {
        listeners.delete(listener)
        if (listeners.size === 0 && watched.get(other) === listeners) watched.delete(other)
      }
    },

    async close () {
      closed = true
      renewal?.cancel()
      look?.cancel()
      watched.clear()
      if (held !== undefined) await state.take(key(node)).catch((error: unknown) => onError(error, 'giving back the lease of this node'))
    }
  }
}
