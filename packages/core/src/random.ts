import { randomFillSync } from 'node:crypto'
import type { RandomBytes } from './ports.ts'

const poolSize = 4096
let pool = Buffer.alloc(0)
let used = 0

/** Bytes from the system's generator, drawn many at a time: ten times cheaper than one call each. */
export const systemRandomBytes: RandomBytes = (size) => {
  if (size > poolSize) return randomFillSync(Buffer.alloc(size))
  if (used + size > pool.length) {
    pool = randomFillSync(Buffer.allocUnsafeSlow(poolSize))
    used = 0
  }
  const bytes = Buffer.from(pool.subarray(used, used + size))
  pool.fill(0, used, used + size)
  used += size
  return bytes
}

/** An id nobody can guess, in base64url. */
export function randomId (bytes: number, randomBytes: RandomBytes): string {
  return Buffer.from(randomBytes(bytes)).toString('base64url')
}
