import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto'
import { passwordQueue, type Client } from './client.ts'
import { createFairQueue, type FairQueue } from './fair-queue.ts'
import { invalid } from './refused.ts'

/**
 * The cost of a password hash: 2^17 blocks of 8 KiB, about 128 MiB, once.
 * https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#scrypt
 */
const defaultCost: Cost = { ln: 17, r: 8, p: 1 }
const form = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,64})\$([A-Za-z0-9+/]{22,88})$/

interface Cost {
  /** The binary logarithm of N. */
  ln: number
  r: number
  p: number
}

interface PasswordHash {
  cost: Cost
  salt: Buffer
  hash: Buffer
}

/**
 * Two run at once: each takes 128 MiB, and a thread of the four that files and names are read by. Every identity has a
 * queue of its own, so that the passwords of one application do not hold up those of another in the same process.
 */
export function createPasswordQueue (): FairQueue {
  return createFairQueue({ atOnce: 2, mostWaiting: 32 })
}

/** Of work that no identity asked for. */
const own = createPasswordQueue()

/** A hash to store, by scrypt (RFC 7914), in the PHC string format: https://github.com/P-H-C/phc-string-format */
export async function hashPassword (password: string): Promise<string> {
  const salt = randomBytes(16)
  const hash = await own.run(() => derive(password, { cost: defaultCost, salt, hash: Buffer.alloc(32) }))
  const { ln, r, p } = defaultCost
  return `$scrypt$ln=${ln},r=${r},p=${p}$${unpadded(salt)}$${unpadded(hash)}`
}

/**
 * Whether the password is the one that was hashed. Without a hash (an unknown user) it does the work of one all the
 * same and says no, so that the time tells nobody which users exist (T12).
 *
 * For each identity two run at once and 32 wait, the addresses of the clients in turn.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID` for a hash of another form, or beyond a cost of ln=20, r=16, p=4;
 *   `CONSENTRY_ERR_BUSY` when too many wait, or the client is gone before its turn comes
 */
export async function verifyPassword (password: string, hash: string | undefined, client: Client = {}): Promise<boolean> {
  const stored = hash === undefined ? { cost: defaultCost, salt: Buffer.alloc(16), hash: Buffer.alloc(32) } : parsePasswordHash(hash)
  const queue = client[passwordQueue] ?? own
  const isEqual = timingSafeEqual(await queue.run(() => derive(password, stored), client), stored.hash)
  return isEqual && hash !== undefined
}

/** @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID` */
export function parsePasswordHash (text: string): PasswordHash {
  const [, ln = '', r = '', p = '', salt = '', hash = ''] = form.exec(text) ?? []
  const cost = { ln: Number(ln), r: Number(r), p: Number(p) }
  // Beyond the limits one check would take the memory of the whole process.
  if (cost.ln < 1 || cost.ln > 20 || cost.r < 1 || cost.r > 16 || cost.p < 1 || cost.p > 4) throw invalid('a password hash must be one that hashPassword made')
  return { cost, salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64') }
}

function derive (password: string, { cost: { ln, r, p }, salt, hash }: PasswordHash): Promise<Buffer> {
  const options: ScryptOptions = { N: 2 ** ln, r, p, maxmem: 2 * 128 * 2 ** ln * r }
  return new Promise((resolve, reject) => {
    // NFC: however the keyboard writes it, it is the same password (RFC 8265 section 4.2.2).
    scrypt(password.normalize('NFC'), salt, hash.length, options, (error, key) => {
      if (error === null) resolve(key)
      else reject(error)
    })
  })
}

function unpadded (bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}
