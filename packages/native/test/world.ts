import { once } from 'node:events'
import { connect } from 'node:net'
import { memoryTokens, type TokenStore } from '@consentry/core'
import { oidc, type OidcOptions } from '@consentry/providers'
import { startLocalProvider, type LocalProvider, type LocalProviderOptions } from '@consentry/testing'
import type { Test } from 'tap'
import { login, type Ask, type LoginEvent, type LoginOptions } from '../src/index.ts'

export const path = '/cb'

export interface World {
  op: LocalProvider
  tokens: TokenStore
  /** Everything that `onEvent` heard. */
  events: LoginEvent[]
  options: LoginOptions
  /** Begins a login and waits for what the person is asked, or for its end. */
  begin (more?: Partial<LoginOptions>): Promise<Begun>
}

export interface Begun {
  ask: Ask | undefined
  /** Where the person is sent, and comes back to; empty on another device. */
  url: string
  redirectUri: string
  /** Settles with the login. */
  granted: ReturnType<typeof login>
  /** The code with which it failed. */
  failed: () => Promise<string>
}

/** A native client of the local provider, without a secret. */
export async function createWorld (t: Test, { provider, ...options }: LocalProviderOptions & { provider?: Partial<OidcOptions> } = {}): Promise<World> {
  const op = await startLocalProvider({
    issuerHost: 'localhost',
    clients: [{ clientId: 'tool', applicationType: 'native', redirectUris: [`http://127.0.0.1${path}`], deviceFlow: true }],
    ...options
  })
  t.teardown(() => op.close())
  const from = oidc({ issuer: op.issuer, clientId: 'tool', scopes: ['openid', 'calendar.read'], timeout: 2_000, allowInsecureLoopback: true, ...provider })
  t.teardown(() => from.close?.())
  const tokens = memoryTokens()
  const events: LoginEvent[] = []
  const world: World = {
    op, tokens, events,
    options: {
      provider: from, tokenStore: tokens, redirect: { path }, readLine: false,
      openBrowser: async () => {}, onEvent: (event) => { events.push(event) }
    },
    async begin (more = {}) {
      let told: (ask?: Ask) => void = () => {}
      const asked = new Promise<Ask | undefined>((resolve) => { told = resolve })
      const granted = login({
        ...world.options, ...more,
        onEvent (event) {
          events.push(event)
          if (event.state === 'pending') told(event.ask)
        }
      })
      granted.then(() => told(), () => told())
      const ask = await asked
      const url = ask === undefined || ask.method === 'device' ? '' : ask.url
      return {
        ask, url, granted,
        redirectUri: url === '' ? '' : new URL(url).searchParams.get('redirect_uri') ?? '',
        failed: () => granted.then(() => 'granted', (error: { code: string }) => error.code)
      }
    }
  }
  return world
}

export const states = (events: readonly LoginEvent[]): string[] => events.map(({ state }) => state)

/** Whether somebody listens there. */
export async function listens (url: string): Promise<boolean> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname.replace(/[[\]]/g, ''))
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** Looks again until it is so. */
export async function until (so: () => boolean | Promise<boolean>): Promise<void> {
  while (!await so()) await new Promise((resolve) => { setTimeout(resolve, 5) })
}
