import type { StateStore } from './ports.ts'

/** Hints between the nodes: something about this topic changed, go and read it. The store is the truth. */
export interface Wakeups {
  /** Resolves when hints arrive here; await it before the first read that must not miss a change. */
  ready (): Promise<void>
  /** Hears the hints of a topic. Returns what ends it. */
  on (topic: string, listener: (detail: string) => void): () => void
  /** Calls `listener` when hints may have been lost here: time to read again. */
  onMissed (listener: () => void): () => void
  /** Tells everyone who listens on any node. Never rejects: who misses a hint reads again later. */
  wake (topic: string, detail?: string): void
  /** Ends the subscription of this node. */
  close (): Promise<void>
}

type Listener = (detail: string) => void

const channel = 'consentry:wakeups'

/** One subscription for the whole node; what is said in one turn of the event loop travels in one message. */
export function createWakeups (state: StateStore): Wakeups {
  // Most topics have one listener, which costs no Set.
  const topics = new Map<string, Listener | Set<Listener>>()
  const missed = new Set<() => void>()
  let pending: Array<[string, string]> = []
  let subscription: Promise<() => Promise<void>> | undefined

  function receive (message: string): void {
    for (const [topic, detail] of hints(message)) {
      const listeners = topics.get(topic)
      if (typeof listeners === 'function') listeners(detail)
      else listeners?.forEach((listener) => listener(detail))
    }
  }

  function tellMissed (): void {
    for (const listener of missed) listener()
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

  return {
    ready,

    on (topic, listener) {
      // Who cannot wait for it reads again later.
      if (subscription === undefined) ready().catch(() => {})
      const others = topics.get(topic)
      if (others === undefined) topics.set(topic, listener)
      else if (typeof others === 'function') topics.set(topic, new Set([others, listener]))
      else others.add(listener)
      return () => {
        const listeners = topics.get(topic)
        if (listeners === listener || (typeof listeners === 'object' && listeners.delete(listener) && listeners.size === 0)) topics.delete(topic)
      }
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

/** Others may talk on the channel too: what cannot be understood is a hint that was lost. */
function hints (message: string): Array<[string, string]> {
  try {
    return JSON.parse(message) as Array<[string, string]>
  } catch {
    return []
  }
}
