import type { DeviceAnswer, DeviceAuthorization, TokenSet } from '@consentry/core'
import { ResponseBodyError, deviceAuthorizationRequest, deviceCodeGrantRequest, processDeviceAuthorizationResponse } from 'oauth4webapi'
import type { AuthorizationServer } from 'oauth4webapi'
import type { Context } from './context.ts'
import { withNonce } from './dpop.ts'
import { endpoint } from './endpoint.ts'
import { attempt, responseInvalid } from './errors.ts'
import { scopesOption } from './options.ts'

export interface DeviceAuthorizationOptions {
  server: AuthorizationServer
  scopes: readonly string[]
  /** The tokens in an answer of the token endpoint, checked. */
  tokens: (answer: Response) => Promise<TokenSet>
}

/** RFC 8628 section 3.2: the seconds between two questions where the provider does not say. */
const usualInterval = 5
/** A day, in seconds: no person takes longer. */
const longestLifetime = 86_400

/**
 * Begins a device authorization (RFC 8628); `undefined` when the provider has no endpoint for it. Where the person is
 * sent is checked like an endpoint: it is shown to them, and opened.
 */
export async function deviceAuthorization (context: Context, { server, scopes, tokens }: DeviceAuthorizationOptions): Promise<DeviceAuthorization | undefined> {
  const { client, authentication, http, proving, reach, scopeSeparator } = context
  if (server.device_authorization_endpoint === undefined) return undefined
  const parameters = new URLSearchParams(Object.fromEntries(context.authorizationParameters))
  const scope = scopesOption(scopes, scopeSeparator).join(scopeSeparator)
  if (scope !== '') parameters.set('scope', scope)
  const begun = await attempt('device authorization', async () =>
    processDeviceAuthorizationResponse(server, client, await deviceAuthorizationRequest(server, client, authentication, parameters, http)), context)
  const { device_code: deviceCode, user_code: userCode, verification_uri_complete: complete, interval = usualInterval } = begun
  if (!/^[\x20-\x7e]{1,64}$/.test(userCode)) throw responseInvalid('The user_code is not a short printable text')

  const uri = (name: string, value: string): string => {
    try {
      return endpoint(name, value, reach).href
    } catch (error) {
      throw responseInvalid(error instanceof TypeError ? error.message : name)
    }
  }

  return Object.freeze({
    userCode,
    verificationUri: uri('verification_uri', begun.verification_uri),
    ...complete !== undefined && { verificationUriComplete: uri('verification_uri_complete', complete) },
    expiresIn: Math.min(begun.expires_in, longestLifetime),
    interval,
    poll: () => attempt('device token', async (): Promise<DeviceAnswer> => {
      try {
        return { status: 'granted', tokens: await withNonce(async () => tokens(await deviceCodeGrantRequest(server, client, authentication, deviceCode, proving))) }
      } catch (error) {
        const told = error instanceof ResponseBodyError ? answers[error.error] : undefined
        if (told === undefined) throw error
        return told
      }
    }, context)
  } satisfies DeviceAuthorization)
}

/** The same question, of whose tokens more is made before they count. */
export function withTokens (begun: DeviceAuthorization, change: (tokens: TokenSet) => TokenSet): DeviceAuthorization {
  return Object.freeze({
    ...begun,
    async poll () {
      const answer = await begun.poll()
      return answer.status === 'granted' ? { ...answer, tokens: change(answer.tokens) } : answer
    }
  } satisfies DeviceAuthorization)
}

/** RFC 8628 section 3.5. */
const answers: Readonly<Record<string, DeviceAnswer>> = Object.assign(Object.create(null) as Record<string, DeviceAnswer>, {
  authorization_pending: { status: 'pending', slower: false },
  slow_down: { status: 'pending', slower: true },
  access_denied: { status: 'denied' },
  expired_token: { status: 'expired' }
})
