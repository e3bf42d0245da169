/** How many of a batch are under way at once. */
const size = 1_000

/** Does the work for each index up to `count`, a thousand at a time. */
export async function inBatches (count: number, work: (index: number) => Promise<void>): Promise<void> {
  for (let from = 0; from < count; from += size) {
    await Promise.all(Array.from({ length: Math.min(size, count - from) }, (_, index) => work(from + index)))
  }
}
