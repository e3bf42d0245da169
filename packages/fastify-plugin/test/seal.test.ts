import { systemRandomBytes } from '@consentry/core'
import t from 'tap'
import { createSeal } from '../src/seal.ts'

const key = (byte: number): Buffer => Buffer.alloc(32, byte)

t.test('B16: what is sealed opens in its own place, unchanged, and nowhere else', async (t) => {
  const { seal, open } = createSeal([key(1)], systemRandomBytes)
  const sealed = seal('tokens of Alice, in Čeština', 'one')
  t.equal(open(sealed, 'one'), 'tokens of Alice, in Čeština')
  t.not(seal('tokens', 'one'), seal('tokens', 'one'), 'the same text never looks the same')
  t.notMatch(Buffer.from(sealed, 'base64url').toString('latin1'), 'Alice')
  t.equal(open(sealed, 'two'), undefined, 'another place')
  t.equal(createSeal([key(2)], systemRandomBytes).open(sealed, 'one'), undefined, 'another key')
  for (const at of [0, 12, 20, sealed.length / 2, sealed.length - 2].map(Math.floor)) {
    const bytes = Buffer.from(sealed, 'base64url')
    const index = Math.min(at, bytes.length - 1)
    bytes[index] = (bytes[index] ?? 0) ^ 1
    t.equal(open(bytes.toString('base64url'), 'one'), undefined, `byte ${index} changed`)
  }
  for (const length of [0, 1, 12, 27, 28, 40]) t.equal(open(Buffer.from(sealed, 'base64url').subarray(0, length).toString('base64url'), 'one'), undefined, `cut to ${length} bytes`)
  t.equal(open('{"accessToken":"plain"}', 'one'), undefined, 'plain text')
})

t.test('keys rotate: the first encrypts, all decrypt', async (t) => {
  const before = createSeal([key(1)], systemRandomBytes)
  const both = createSeal([key(2), key(1)], systemRandomBytes)
  const after = createSeal([key(2)], systemRandomBytes)
  t.equal(both.open(before.seal('text', 'x'), 'x'), 'text')
  t.equal(after.open(both.seal('text', 'x'), 'x'), 'text')
  t.equal(before.open(both.seal('text', 'x'), 'x'), undefined)
})
