import { inOnePiece } from './one-piece.ts'
import type { StateStore } from './ports.ts'

/** Hears of one topic. */
export interface WakeupListener {
  /** Something changed. */
  hear (detail: string): void
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
  wake (topic: string, detail?: string): void
  /** Ends the subscription of this node. */
  close (): Promise<void>
}

const channel = 'consentry:wakeups'

/** One subscription for the whole node; what is said in one turn of the event loop travels in one message. */
export function createWakeups (state: StateStore): Wakeups {
  // Most topics have one listener, which costs no Set.
  const topics = new Map<string, WakeupListener | Set<WakeupListener>>()
  const missed = new Set<() => void>()
  let pending: Array<[string, string]> = []
  let subscription: Promise<() => Promise<void>> | undefined

  function receive (message: string): void {
    for (const [topic, detail] of hints(message)) {
      for (const listener of each(topics.get(topic))) listener.hear(detail)
    }
  }

  function tellMissed (): void {
    for (const listener of missed) listener()
    for (const listeners of topics.values()) for (const listener of each(listeners)) listener.miss()
  }

  function flush (): void {
    const message = JSON.stringify(pending)
    pending = []
    state.publish(channel, message).catch(() => {})
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

    wake (topic, detail = '') {
      if (pending.push([topic, detail]) === 1) queueMicrotask(flush)
    },

    async close () {
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
function hints (message: string): Array<[string, string]> {
  try {
    return JSON.parse(message) as Array<[string, string]>
  } catch {
    return []
  }
}
