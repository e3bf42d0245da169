import { scryptSync } from 'node:crypto'

/** A hash as `hashPassword` makes them, but quick. */
export function quickHash (password: string, ln = 10): string {
  const salt = Buffer.from('a salt of a test')
  const hash = scryptSync(password, salt, 32, { N: 2 ** ln, r: 8, p: 1, maxmem: 2 ** 28 })
  return `$scrypt$ln=${ln},r=8,p=1$${[salt, hash].map((bytes) => bytes.toString('base64').replace(/=+$/, '')).join('$')}`
}

/** The value of an `Authorization` header. */
export function basic (username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}
