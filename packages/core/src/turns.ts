/** Runs `fn` after all that was given before under the same key has ended, well or badly. */
export type InTurn = <T>(key: string, fn: () => Promise<T>) => Promise<T>

/** One at a time for each key, within this process. */
export function createTurns (): InTurn {
  const tails = new Map<string, Promise<unknown>>()

  return async (key, fn) => {
    const before = tails.get(key)
    // Not before its turn is taken: `fn` may be who asks for the next one.
    const turn = Promise.resolve(before).then(fn)
    // The next one waits for the end of this one, not for its success.
    const tail = turn.then(() => {}, () => {})
    tails.set(key, tail)
    try {
      return await turn
    } finally {
      if (tails.get(key) === tail) tails.delete(key)
    }
  }
}
