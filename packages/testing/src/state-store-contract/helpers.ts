import { setTimeout as sleep } from 'node:timers/promises'

let names = 0
/** A name that no other test uses. */
export const fresh = (): string => `${process.pid}-${++names}`

/** Asks again every 20 ms; the test's own timeout ends it. */
export async function until (condition: () => Promise<boolean>): Promise<void> {
  while (!await condition()) await sleep(20)
}
