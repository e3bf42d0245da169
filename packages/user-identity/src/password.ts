import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto'

/**
 * The cost of a password hash: 2^17 blocks of 8 KiB, about 128 MiB, once.
 * https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#scrypt
 */
const cost = { ln: 17, r: 8, p: 1 } as const
const length = 32
const form = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{16,64})\$([A-Za-z0-9+/]{22,88})$/

/** A hash to store, in the PHC string format: https://github.com/P-H-C/phc-string-format */
export async function hashPassword (password: string): Promise<string> {
  const salt = randomBytes(16)
  const hash = await derive(password, salt, length, cost)
  return `$scrypt$ln=${cost.ln},r=${cost.r},p=${cost.p}$${unpadded(salt)}$${unpadded(hash)}`
}

/**
 * Whether the password is the one that was hashed. Without a hash (an unknown user) it works as long and says no, so
 * that the time tells nobody which users exist.
 */
export async function verifyPassword (password: string, hash: string | undefined): Promise<boolean> {
  const match = form.exec(hash ?? '')
  if (match === null) {
    await derive(password, Buffer.alloc(16), length, cost)
    return false
  }
  const [ln, r, p] = [Number(match[1]), Number(match[2]), Number(match[3])] as const
  const expected = Buffer.from(match[5] as string, 'base64')
  const actual = await derive(password, Buffer.from(match[4] as string, 'base64'), expected.length, { ln, r, p })
  return timingSafeEqual(actual, expected)
}

function derive (password: string, salt: Buffer, size: number, { ln, r, p }: { ln: number, r: number, p: number }): Promise<Buffer> {
  const options: ScryptOptions = { N: 2 ** ln, r, p, maxmem: 2 * 128 * 2 ** ln * r }
  return new Promise((resolve, reject) => {
    // NFKC: the same characters typed on another keyboard are the same password (RFC 8265).
    scrypt(password.normalize('NFKC'), salt, size, options, (error, key) => { error === null ? resolve(key) : reject(error) })
  })
}

function unpadded (bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}
