import { createFlows, createGrants, createWakeups, memoryState, systemClock as clock, systemRandomBytes as randomBytes, type GrantRecord } from '@consentry/core'
import { redisTokens } from '@consentry/token-stores'
import { Redis } from 'ioredis'
import { CompactEncrypt, compactDecrypt } from 'jose'
import { createCipheriv, createDecipheriv, randomBytes as random } from 'node:crypto'
import type { Row, Surroundings, Trial } from '../row.ts'
import { rateOf } from '../rate.ts'
import { files } from './files.ts'

export const row: Row = {
  id: 'P13',
  title: 'accessToken() of a grant that is fresh',
  method: '64 callers at once. Hit: a grant that the code holds. Otherwise the grant is read from Redis and decrypted for each call. The limit reads the same text unencrypted.',
  services: ['redis'],
  metrics: { rate: { label: 'calls', unit: '/s', better: 'higher' } },
  variants: [
    { name: 'limit', label: 'ioredis.get and JSON.parse', role: 'limit', start: (surroundings) => byHand(surroundings, { write: async (text) => text, read: (text) => text }) },
    { name: 'aes', label: 'the same, AES-256-GCM by node:crypto', role: 'peer', start: (surroundings) => byHand(surroundings, aes()) },
    { name: 'jwe', label: 'the same, a JWE by jose', role: 'peer', start: (surroundings) => byHand(surroundings, jwe()) },
    { name: 'redis', label: 'redisTokens(), encrypted', role: 'ours', start: (surroundings) => ours(surroundings, 'redis') },
    { name: 'ours', label: 'a grant of ours that is held', role: 'ours', start: (surroundings) => ours(surroundings, 'hit') }
  ],
  goals: [
    { metric: 'rate', to: 'limit', atLeast: 20 },
    { metric: 'rate', variant: 'redis', to: 'limit', atLeast: 0.55 }
  ]
}

const lanes = 64
const key = { tenant: 'default', userId: 'alice', provider: 'files', profile: 'default' }

/** As large as what providers give. */
function record (): GrantRecord {
  const now = Date.now()
  return {
    v: 1,
    accessToken: random(512).toString('base64url'),
    tokenType: 'bearer',
    refreshToken: random(64).toString('base64url'),
    expiresAt: now + 3_600_000,
    scopes: ['read', 'write'],
    requestedScopes: ['read', 'write'],
    account: { issuer: 'https://files.example.com', subject: '42', claims: { email: 'alice@example.com', name: 'Alice Example' } },
    createdAt: now,
    updatedAt: now
  }
}

interface Cipher {
  write: (text: string) => Promise<string>
  read: (text: string) => string | Promise<string>
}

function aes (): Cipher {
  const secret = random(32)
  return {
    async write (text) {
      const nonce = random(12)
      const cipher = createCipheriv('aes-256-gcm', secret, nonce)
      return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64url')
    },
    read (text) {
      const bytes = Buffer.from(text, 'base64url')
      const decipher = createDecipheriv('aes-256-gcm', secret, bytes.subarray(0, 12)).setAuthTag(bytes.subarray(-16))
      return decipher.update(bytes.subarray(12, -16), undefined, 'utf8') + decipher.final('utf8')
    }
  }
}

function jwe (): Cipher {
  const secret = random(32)
  return {
    write: (text) => new CompactEncrypt(Buffer.from(text)).setProtectedHeader({ alg: 'dir', enc: 'A256GCM' }).encrypt(secret),
    read: async (text) => Buffer.from((await compactDecrypt(text, secret)).plaintext).toString()
  }
}

async function byHand ({ redis: url, ...surroundings }: Surroundings, { write, read }: Cipher): Promise<Trial> {
  const redis = new Redis(url)
  const stored = record()
  const name = `bench:${stored.accessToken.slice(0, 16)}`
  await redis.set(name, await write(JSON.stringify(stored)))
  return {
    kind: 'trial',
    round: () => rateOf(surroundings, lanes, async () => {
      const { accessToken } = JSON.parse(await read(await redis.get(name) ?? '')) as GrantRecord
      if (accessToken !== stored.accessToken) throw new Error('another token')
    }),
    close: async () => { redis.disconnect() }
  }
}

async function ours ({ redis: url, ...surroundings }: Surroundings, from: 'redis' | 'hit'): Promise<Trial> {
  const redis = new Redis(url)
  const tokens = redisTokens(redis, { encryption: { keys: [{ id: 'bench', key: random(32) }] }, prefix: `bench-${from}:` })
  const state = memoryState()
  const wakeups = createWakeups(state)
  const flows = createFlows({ state, wakeups, clock, randomBytes, lifetime: 600_000, redirectUri: () => 'https://app.example.com/auth/callback/files' })
  const grants = createGrants({ providers: { files }, tokens, flows, wakeups, clock, fetch, refreshBuffer: 60_000, onError (error) { throw error } })
  const stored = record()
  await tokens.delete(key)
  await tokens.save(key, stored, undefined)
  const { requirement } = grants.requirement(key, 'files', { scopes: ['read'] })
  const held = await grants.available(key, requirement)
  return {
    kind: 'trial',
    round: () => rateOf(surroundings, lanes, async () => {
      const grant = from === 'hit' ? held : await grants.available(key, requirement)
      if (await grant?.accessToken() !== stored.accessToken) throw new Error('another token')
    }),
    async close () {
      flows.close()
      await wakeups.close()
      await state.close?.()
      redis.disconnect()
    }
  }
}
