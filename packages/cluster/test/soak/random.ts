/** Numbers that look random, and are the same for the same seed. */
export interface Random {
  /** From 0 to 1, without 1. */
  next (): number
  /** A whole number, both included. */
  between (least: number, most: number): number
  pick<T> (among: readonly T[]): T
  /** Another source, for somebody whose choices must not depend on how fast others choose. */
  fork (): Random
}

/** The generator is mulberry32 by Tommy Ettinger, which is in the public domain. */
export function createRandom (seed: number): Random {
  let state = seed | 0
  const next = (): number => {
    state = (state + 0x6D2B79F5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const between = (least: number, most: number): number => least + Math.floor(next() * (most - least + 1))
  return {
    next,
    between,
    pick: (among) => among[between(0, among.length - 1)] as typeof among[number],
    fork: () => createRandom(between(0, 2 ** 31))
  }
}
