/** Who wants to hear of something. */
export interface Listeners<Told extends unknown[]> {
  /** Tells `listener` what is known already, and all that comes. Returns what ends it. */
  add (listener: (...told: Told) => void, known: Told[]): () => void
  tell (...told: Told): void
  readonly size: number
}

/** Told later, so that what a listener throws is its own, and not at all once it has ended that. */
export function createListeners<Told extends unknown[]> (): Listeners<Told> {
  const all = new Set<(told: Told) => void>()
  return {
    add (listener, known) {
      const tell = (told: Told): void => { queueMicrotask(() => { if (all.has(tell)) listener(...told) }) }
      all.add(tell)
      known.forEach(tell)
      return () => { all.delete(tell) }
    },
    tell (...told) { for (const tell of all) tell(told) },
    get size () { return all.size }
  }
}
