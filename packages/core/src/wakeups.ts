import type { ExecutionEvent } from './events.ts'
import { inOnePiece } from './one-piece.ts'
import type { StateStore } from './ports.ts'
import { randomId, systemRandomBytes } from './random.ts'

/** Hears of one topic. */
export interface WakeupListener {
  /** Something changed; `event` when it was written on this node, and need not be read. */
  hear (detail: string, event?: ExecutionEvent): void
  /** Hints may have been lost here: time to read again. */
  miss (): void
}

/** Hints between the nodes: something about this topic changed, go and read it. The store is the truth. */
export interface Wakeups {
  /** Resolves when hints arrive here; await it before the first read that must not miss a change. */
  ready (): Promise<void>
  /** Hears the hints of a topic. Returns what ends it. */
  on (topic: string, listener: (detail: string) => void): () => void
  /** The same for who listens in large numbers, until `remove`: no function is made for each. */
  add (topic: string, listener: WakeupListener): void
  /** The listener hears nothing more of the topic. */
  remove (topic: string, listener: WakeupListener): void
  /** Calls `listener` when hints may have been lost here: time to read again. */
  onMissed (listener: () => void): () => void
  /** Tells everyone who listens on any node. Never rejects: who misses a hint reads again later. */
  wake (topic: string, detail?: string, event?: ExecutionEvent): void
  /** Ends the subscription of this node. */
  close (): Promise<void>
}

const channel = 'consentry:wakeups'

/**
 * One subscription for the whole node; what is said in one turn of the event loop travels in one message: who says it,
 * then topics and details by turns. Who listens here does not wait for it to come back.
 */
export function createWakeups (state: StateStore): Wakeups {
  const self = randomId(16, systemRandomBytes)
  const fromSelf = `["${self}"`
  // Most topics have one listener, which costs no Set.
  const topics = new Map<string, WakeupListener | Set<WakeupListener>>()
  const missed = new Set<() => void>()
  let pending = [self]
  let events: Array<ExecutionEvent | undefined> = []
  let subscription: Promise<() => Promise<void>> | undefined
  let closed = false

  function receive (message: string): void {
    if (!message.startsWith(fromSelf)) tell(hints(message))
  }

  function tell (said: readonly string[], written: ReadonlyArray<ExecutionEvent | undefined> = []): void {
    for (let index = 1; index < said.length; index += 2) {
      const listeners = topics.get(said[index] as string)
      const [detail, event] = [said[index + 1] as string, written[(index - 1) / 2]]
      if (listeners instanceof Set) for (const listener of listeners) listener.hear(detail, event)
      else listeners?.hear(detail, event)
    }
  }

  function tellMissed (): void {
    for (const listener of missed) listener()
    for (const listeners of topics.values()) for (const listener of each(listeners)) listener.miss()
  }

  function flush (): void {
    const [said, written] = [pending, events]
    pending = [self]
    events = []
    state.publish(channel, JSON.stringify(said)).catch(() => {})
    tell(said, written)
  }

  async function ready (): Promise<void> {
    const current = subscription ??= state.subscribe(channel, receive, tellMissed)
    try {
      await current
    } catch (error) {
      if (subscription === current) subscription = undefined
      throw error
    }
  }

  function add (topic: string, listener: WakeupListener): void {
    if (closed) return
    // Who cannot wait for it reads again later.
    if (subscription === undefined) ready().catch(() => {})
    const others = topics.get(topic)
    if (others === undefined) topics.set(inOnePiece(topic), listener)
    else if (others instanceof Set) others.add(listener)
    else topics.set(topic, new Set([others, listener]))
  }

  function remove (topic: string, listener: WakeupListener): void {
    const listeners = topics.get(topic)
    if (listeners === listener || (listeners instanceof Set && listeners.delete(listener) && listeners.size === 0)) topics.delete(topic)
  }

  return {
    ready,

    add,
    remove,

    on (topic, hear) {
      const listener = { hear, miss () {} }
      add(topic, listener)
      return () => { remove(topic, listener) }
    },

    onMissed (listener) {
      missed.add(listener)
      return () => { missed.delete(listener) }
    },

    wake (topic, detail = '', event) {
      pending.push(topic, detail)
      if (events.push(event) === 1) queueMicrotask(flush)
    },

    async close () {
      closed = true
      topics.clear()
      missed.clear()
      const unsubscribe = await subscription?.catch(() => undefined)
      await unsubscribe?.()
    }
  }
}

function each (listeners: WakeupListener | Set<WakeupListener> | undefined): Iterable<WakeupListener> {
  return listeners === undefined ? [] : listeners instanceof Set ? listeners : [listeners]
}

/** Others may talk on the channel too: what cannot be understood is a hint that was lost. */
function hints (message: string): string[] {
  try {
    const said: unknown = JSON.parse(message)
    return Array.isArray(said) && said.every((each) => typeof each === 'string') ? said : []
  } catch {
    return []
  }
}
