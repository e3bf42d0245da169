/** Runs `fn` after all that was given before under the same key has ended, well or badly. */
export type InTurn = <T>(key: string, fn: () => Promise<T>) => Promise<T>

/** One at a time for each key, within this process. */
export function createTurns (): InTurn {
  // A key is here while somebody has the turn, with those who wait for it.
  const waiting = new Map<string, Array<() => void> | undefined>()

  function wait (key: string): Promise<void> {
    return new Promise((resolve) => {
      const others = waiting.get(key)
      if (others === undefined) waiting.set(key, [resolve])
      else others.push(resolve)
    })
  }

  return async (key, fn) => {
    if (waiting.has(key)) await wait(key)
    else waiting.set(key, undefined)
    try {
      return await fn()
    } finally {
      const next = waiting.get(key)?.shift()
      if (next === undefined) waiting.delete(key)
      else next()
    }
  }
}
