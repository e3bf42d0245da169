/**
 * One accident is no reason to lose a quarter of an hour: what failed is tried once more. When it fails again the others
 * go on without it, and the process ends with 1.
 */
export async function insist<T> (what: string, work: () => Promise<T>): Promise<T | undefined> {
  for (const consequence of ['is tried once more', 'is left out: nothing will be written']) {
    try {
      return await work()
    } catch (error) {
      console.error(`${what} failed, and ${consequence}:`, error)
    }
  }
  process.exitCode = 1
  return undefined
}
