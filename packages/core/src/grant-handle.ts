import { inspect } from 'node:util'
import { ConsentryError } from './errors.ts'
import { sameAccount, type GrantKey } from './grant.ts'
import { isExpired, isStale, type Requirement } from './grant-state.ts'
import type { Clock, VersionedGrant } from './ports.ts'
import type { Provider } from './provider.ts'
import type { Refresh } from './refresh.ts'
import { missingScopes } from './scopes.ts'

/** The account of a grant, as far as it may be shown. */
export interface AccountSummary {
  issuer: string
  subject: string
  email?: string
  name?: string
}

/** What one user lets us do at one provider. Printing it shows no token. */
export interface Grant {
  readonly provider: string
  readonly profile: string
  /** What was granted, which may differ from what was asked for. */
  readonly scopes: readonly string[]
  /** What was asked for here and not granted; empty unless `partial` allowed it. */
  readonly missingScopes: readonly string[]
  readonly account: AccountSummary | undefined
  /**
   * An access token that is valid now, refreshed when the stored one is stale. With `background` one that is stale but
   * has not expired is handed out at once, and refreshed meanwhile.
   * Rejects with `CONSENTRY_ERR_REAUTH_REQUIRED` when the provider ended the grant, with `CONSENTRY_ERR_GRANT_REVOKED` when
   * another account was connected in its place, and with
   * `CONSENTRY_ERR_PROVIDER_UNAVAILABLE` when it cannot be refreshed at the moment and has expired.
   */
  accessToken (options?: { background?: boolean }): Promise<string>
  /**
   * `fetch` with the access token in the `Authorization` header (RFC 6750), or as the provider wants it. After a 401 it
   * refreshes and tries once more, unless the body is a stream or an iterator. Sends the token over https only, loopback
   * excepted, and where the provider has `resourceHosts`, to these alone; rejects with `CONSENTRY_ERR_HOST_REFUSED`.
   */
  fetch (url: string | URL, init?: RequestInit): Promise<Response>
}

export interface GrantHandleOptions {
  key: GrantKey
  grant: VersionedGrant
  provider: Pick<Provider, 'kind' | 'coveredScopes' | 'resourceHosts' | 'resourceRequest'>
  requirement: Requirement
  clock: Clock
  refresh: Refresh
  /** Milliseconds. */
  refreshBuffer: number
  fetch: typeof globalThis.fetch
}

export function createGrantHandle (options: GrantHandleOptions): Grant {
  return new GrantHandle(options)
}

class GrantHandle implements Grant {
  readonly #options: GrantHandleOptions
  #grant: VersionedGrant
  /** The version that a refused token led to. */
  #forced: string | undefined

  constructor (options: GrantHandleOptions) {
    this.#options = options
    this.#grant = options.grant
  }

  get provider (): string {
    return this.#options.key.provider
  }

  get profile (): string {
    return this.#options.key.profile
  }

  get scopes (): readonly string[] {
    return [...this.#grant.record.scopes]
  }

  get missingScopes (): readonly string[] {
    const { requirement, provider } = this.#options
    return missingScopes(this.#grant.record, requirement.scopes, provider.coveredScopes)
  }

  get account (): AccountSummary | undefined {
    return accountSummary(this.#grant)
  }

  async accessToken ({ background = false }: { background?: boolean } = {}): Promise<string> {
    const { clock, refreshBuffer } = this.#options
    const { record } = this.#grant
    const expired = isExpired(record, clock.now())
    // What cannot be renewed is used to its end; perhaps the person has consented again since.
    if (expired || (this.#renewable && isStale(record, clock.now(), refreshBuffer))) {
      const refreshed = this.#refresh()
      if (background && !expired) refreshed.catch(() => {})
      else await refreshed
    }
    return this.#grant.record.accessToken
  }

  async fetch (url: string | URL, init: RequestInit = {}): Promise<Response> {
    assertMayGo(new URL(url), this.#options.provider.resourceHosts)
    const response = await this.#send(url, init)
    // A token that is new and refused all the same is not refused for its age.
    const again = this.#renewable && this.#grant.version !== this.#forced && canBeSentAgain(init.body)
    if (response.status !== 401 || !again) return response
    await response.body?.cancel()
    await this.#refresh({ force: true })
    this.#forced = this.#grant.version
    return this.#send(url, init)
  }

  async #send (url: string | URL, init: RequestInit): Promise<Response> {
    const { provider, fetch } = this.#options
    const accessToken = await this.accessToken()
    const { tokenType } = this.#grant.record
    if (provider.resourceRequest !== undefined) return provider.resourceRequest({ accessToken, tokenType }, new URL(url), init, fetch)
    const headers = new Headers(init.headers)
    headers.set('authorization', `Bearer ${accessToken}`)
    return fetch(url, { ...init, headers })
  }

  get #renewable (): boolean {
    return this.#options.provider.kind === 'direct' || this.#grant.record.refreshToken !== undefined
  }

  async #refresh (options?: { force: boolean }): Promise<void> {
    const { refresh, key, requirement } = this.#options
    const fresh = await refresh(key, this.#grant, { ...options, scopes: requirement.scopes })
    const [before, now] = [this.#grant.record.account, fresh.record.account]
    // Disconnected, and another account connected since: that is another grant.
    if (before !== undefined && (now === undefined || !sameAccount(before, now))) throw new ConsentryError('CONSENTRY_ERR_GRANT_REVOKED')
    this.#grant = fresh
  }

  toJSON (): object {
    const { provider, profile, scopes, missingScopes, account } = this
    return { provider, profile, scopes, missingScopes, account, accessToken: '[redacted]' }
  }

  [inspect.custom] (): string {
    return `Grant ${inspect(this.toJSON())}`
  }
}

/** The account of a stored grant, without the claims that nobody asked to see. */
export function accountSummary ({ record }: Pick<VersionedGrant, 'record'>): AccountSummary | undefined {
  if (record.account === undefined) return undefined
  const { issuer, subject, claims } = record.account
  return {
    issuer,
    subject,
    ...(typeof claims['email'] === 'string' && { email: claims['email'] }),
    ...(typeof claims['name'] === 'string' && { name: claims['name'] })
  }
}

/** A stream or an iterator gives what it holds once. */
function canBeSentAgain (body: RequestInit['body']): boolean {
  return typeof body !== 'object' || body === null || !(Symbol.asyncIterator in body || 'next' in body)
}

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

function assertMayGo (url: URL, hosts: readonly string[] | undefined): void {
  const confidential = url.protocol === 'https:' || (url.protocol === 'http:' && loopback.test(url.hostname))
  if (!confidential) throw new ConsentryError('CONSENTRY_ERR_HOST_REFUSED', { cause: new TypeError('an access token is only sent over https, or http to this machine') })
  if (hosts?.includes(url.host) === false) throw new ConsentryError('CONSENTRY_ERR_HOST_REFUSED', { cause: new TypeError('the host is not among resourceHosts') })
}
