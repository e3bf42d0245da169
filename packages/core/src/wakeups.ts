import type { StateStore } from './ports.ts'

/** Hints between the nodes: something about this topic changed, go and read it. The store is the truth. */
export interface Wakeups {
  /** Resolves when hints arrive here; await it before the first read that must not miss a change. */
  ready (): Promise<void>
  on (topic: string, listener: (detail: string) => void): () => void
  /** Tells everyone who listens on any node. Never rejects: who misses a hint reads again later. */
  wake (topic: string, detail?: string): void
  close (): Promise<void>
}

const channel = 'consentry:wakeups'

/** One subscription for the whole node; what is said in one turn of the event loop travels in one message. */
export function createWakeups (state: StateStore): Wakeups {
  const topics = new Map<string, Set<(detail: string) => void>>()
  let pending: Array<[string, string]> = []
  let subscription: Promise<() => Promise<void>> | undefined

  function receive (message: string): void {
    for (const [topic, detail] of JSON.parse(message) as Array<[string, string]>) {
      for (const listener of topics.get(topic) ?? []) listener(detail)
    }
  }

  function flush (): void {
    const message = JSON.stringify(pending)
    pending = []
    state.publish(channel, message).catch(() => {})
  }

  return {
    async ready () {
      subscription ??= state.subscribe(channel, receive)
      try {
        await subscription
      } catch (error) {
        subscription = undefined
        throw error
      }
    },

    on (topic, listener) {
      let listeners = topics.get(topic)
      if (listeners === undefined) topics.set(topic, listeners = new Set())
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
        if (listeners.size === 0 && topics.get(topic) === listeners) topics.delete(topic)
      }
    },

    wake (topic, detail = '') {
      if (pending.push([topic, detail]) === 1) queueMicrotask(flush)
    },

    async close () {
      topics.clear()
      const unsubscribe = await subscription?.catch(() => undefined)
      await unsubscribe?.()
    }
  }
}
