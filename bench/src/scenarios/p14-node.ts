import { createAudit, createFlows, createGrants, createWakeups, memoryState, systemClock as clock, systemRandomBytes as randomBytes, type Grant, type GrantKey } from '@consentry/core'
import { oauth2 } from '@consentry/providers'
import { redisTokens } from '@consentry/token-stores'
import { Redis } from 'ioredis'
import { setTimeout as sleep } from 'node:timers/promises'
import { serve } from '../child.ts'
import { client, codeFor } from '../issuer.ts'

export interface NodeOptions {
  redis: string
  issuer: string
  callers: number
}

export type Question =
  /** Saves a grant of this user that is about to expire. */
  | { do: 'save', userId: string }
  /** Reads it while it is fresh, and waits until it is not. */
  | { do: 'hold', userId: string }
  /** Every caller wants its token. */
  | { do: 'call' }

/** What the callers of this node got, and what that took. */
export interface Counted {
  tokens: string[]
  commands: number
  /** Whether this node made the token request. */
  asked: boolean
  millis: number
}

/** Milliseconds. */
const lifetime = 500

await serve<Question>(async (options) => {
  const { redis: url, issuer, callers } = options as NodeOptions
  const redis = new Redis(url)
  let commands = 0
  const send = redis.sendCommand.bind(redis)
  redis.sendCommand = (...command) => {
    commands++
    return send(...command)
  }
  const tokens = redisTokens(redis, { dangerouslyPlaintext: true })
  await tokens.ready()
  const state = memoryState()
  const wakeups = createWakeups(state)
  const flows = createFlows({ state, wakeups, clock, randomBytes, lifetime: 600_000, redirectUri: () => 'https://app.example.com/auth/callback/files' })
  const files = oauth2({ authorizationEndpoint: `${issuer}/authorize`, tokenEndpoint: `${issuer}/token`, clientId: client.id, clientSecret: client.secret, allowInsecureLoopback: true })
  let asked = false
  const audit = createAudit({ clock, onAudit: ({ type }) => { asked ||= type === 'refreshed' }, onError })
  const grants = createGrants({ providers: { files }, tokens, flows, wakeups, clock, audit, fetch, refreshBuffer: 0, onError })
  let grant: Grant | undefined

  return {
    async answer (question) {
      switch (question.do) {
        case 'save': {
          const now = clock.now()
          const refreshToken = codeFor({ subject: question.userId, delay: 50 })
          await tokens.save(keyOf(question.userId), { v: 1, accessToken: 'old', tokenType: 'bearer', refreshToken, expiresAt: now + lifetime, scopes: [], requestedScopes: [], createdAt: now, updatedAt: now }, undefined)
          return
        }
        case 'hold': {
          const key = keyOf(question.userId)
          grant = await grants.available(key, grants.requirement(key, 'files').requirement)
          await sleep(lifetime + 50)
          return
        }
        case 'call': {
          asked = false
          commands = 0
          const began = performance.now()
          const got = await Promise.all(Array.from({ length: callers }, async () => grant?.accessToken()))
          return { tokens: [...new Set(got.map(String))], commands, asked, millis: performance.now() - began } satisfies Counted
        }
      }
    }
  }
})

function keyOf (userId: string): GrantKey {
  return { tenant: 'default', userId, provider: 'files', profile: 'default' }
}

function onError (error: unknown): never {
  throw error
}
