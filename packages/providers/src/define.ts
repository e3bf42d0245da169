import type { RedirectProvider, TokenSet } from '@consentry/core'
import { ClientSecretPost, None } from 'oauth4webapi'
import type { ClientAuth } from 'oauth4webapi'
import { accountAt, loadAccount } from './account.ts'
import type { Dialect } from './dialect.ts'
import { withTokens } from './device-authorization.ts'
import { optionsInvalid } from './errors.ts'
import { oauth2In } from './oauth2.ts'
import { oidc } from './oidc.ts'
import { translation } from './translation.ts'
import { basicAuthorization, vendorApi } from './vendor-api.ts'
import type { PlainVendor, Vendor, VendorOptions } from './vendor.ts'

/**
 * The provider that a vendor's data and an application's options make, on `oidc()` or `oauth2()`.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; its `cause` names the option
 */
export function define (vendor: Vendor, options: VendorOptions): RedirectProvider {
  if (options.clientSecret === undefined && vendor.publicClients !== true) throw optionsInvalid('clientSecret is missing')
  const plain = 'issuer' in vendor ? undefined : vendor
  const scopeParameter = plain?.scopeParameter === undefined ? 'scope' : plain.scopeParameter
  if (scopeParameter !== null && Object.hasOwn(options.authorizationParameters ?? {}, scopeParameter)) throw optionsInvalid(`authorizationParameters.${scopeParameter} is set by the protocol`)
  const provider = base(vendor, options)
  const { identityScopes = [], offlineScopes = [], recommendedScopes, coveredScopes, loginHint, revokes = 'each', revokesAll } = vendor

  return Object.freeze({
    ...provider,
    ...recommendedScopes !== undefined && { recommendedScopes },
    ...coveredScopes !== undefined && { coveredScopes },
    ...revokesAll !== undefined && { revokesAll },
    ...loginHint !== undefined && { loginHintClaim: loginHint.claim },

    async authorizationUrl ({ loginHint: expected, ...request }) {
      const offline = request.refreshToken === undefined ? [] : offlineScopes
      const url = await provider.authorizationUrl({ ...request, scopes: [...new Set([...request.scopes, ...identityScopes, ...offline])] })
      const { searchParams: parameters } = url
      if (plain?.pkce === 'refused') for (const name of ['code_challenge', 'code_challenge_method']) parameters.delete(name)
      if (loginHint !== undefined && expected !== undefined) parameters.set(loginHint.parameter, expected)
      rename(parameters, 'scope', scopeParameter)
      const ours = { ...vendor.authorizationParameters, ...request.refreshToken !== undefined && vendor.offlineParameters?.[request.refreshToken] }
      for (const [name, value] of Object.entries(ours)) {
        const set = parameters.get(name)
        if (set === null) parameters.set(name, value)
        // A consent goes along with another prompt, save with none at all (OpenID Connect Core section 3.1.2.1).
        else if (name === 'prompt' && request.prompt === set && set !== 'none' && !set.split(' ').includes(value)) parameters.set(name, `${set} ${value}`)
      }
      return url
    },

    exchange: async (response, check) => withSilent(await provider.exchange(response, check), offlineScopes, check.scopes),
    async deviceAuthorization ({ scopes }) {
      const begun = await provider.deviceAuthorization?.({ scopes: [...new Set([...scopes, ...identityScopes, ...offlineScopes])] })
      return begun && withTokens(begun, (tokens) => withSilent(tokens, offlineScopes, scopes))
    },

    refresh: async (request) => withSilent(await provider.refresh(request), offlineScopes, request.scopes ?? []),

    async revoke ({ accessToken, refreshToken = '' }) {
      if (revokes === 'each') return provider.revoke({ accessToken, refreshToken })
      if (revokes === 'access_token') return provider.revoke({ accessToken })
      if (refreshToken !== '') return provider.revoke({ accessToken: '', refreshToken })
      return revokes === 'one' && provider.revoke({ accessToken })
    }
  } satisfies RedirectProvider)
}

function base (vendor: Vendor, options: VendorOptions): RedirectProvider {
  const { label = vendor.label, scopes = vendor.defaultScopes, clientSecret } = options
  if ('issuer' in vendor) {
    return oidc({ ...options, label, scopes, issuer: vendor.issuer, ...clientSecret !== undefined && { clientAuthentication: vendor.clientAuthentication } })
  }
  const { authorizationEndpoint, tokenEndpoint, deviceAuthorizationEndpoint, revocationEndpoint, scopeSeparator } = vendor
  return oauth2In(dialectOf(vendor, options), {
    ...options, label, scopes, authorizationEndpoint, tokenEndpoint,
    ...deviceAuthorizationEndpoint !== undefined && { deviceAuthorizationEndpoint },
    ...revocationEndpoint !== undefined && { revocationEndpoint },
    ...scopeSeparator !== undefined && { scopeSeparator }
  })
}

function dialectOf (vendor: PlainVendor, options: VendorOptions): Dialect {
  const issuer = new URL(vendor.authorizationEndpoint).origin
  const { tokenAccount, revoke, complete } = vendor
  return {
    translate: translation(vendor),
    authentication: authentication(vendor, options),
    ...tokenAccount !== undefined && { tokenAccount: (answer) => accountAt(answer, issuer, tokenAccount) },
    userInfo: (context, tokens) => loadAccount(vendor, issuer, vendorApi(context, options), tokens),
    ...revoke !== undefined && { revoke: (context, tokens) => revoke(vendorApi(context, options), tokens) },
    ...complete !== undefined && { complete: (context, tokens) => complete(vendorApi(context, options), tokens) }
  }
}

function authentication ({ clientAuthentication }: PlainVendor, { clientId, clientSecret }: VendorOptions): ClientAuth {
  if (clientSecret === undefined) return None()
  // oxlint-disable-next-line no-control-regex
  if (typeof clientSecret !== 'string' || clientSecret === '' || /[\x00-\x1f\x7f]/.test(clientSecret)) throw optionsInvalid('clientSecret is malformed')
  if (clientAuthentication === 'client_secret_post') return ClientSecretPost(clientSecret)
  return (_server, _client, _body, headers) => { headers.set('authorization', basicAuthorization(clientId, clientSecret)) }
}

function rename (parameters: URLSearchParams, from: string, to: string | null): void {
  const value = parameters.get(from)
  if (value === null || from === to) return
  parameters.delete(from)
  if (to !== null) parameters.set(to, value)
}

/** With the scopes that were asked for and are not always listed: the refresh token is what shows that they were granted. */
function withSilent (tokens: TokenSet, silent: readonly string[], asked: readonly string[]): TokenSet {
  if (tokens.scopes === undefined || tokens.refreshToken === undefined) return tokens
  return { ...tokens, scopes: [...new Set([...tokens.scopes, ...silent.filter((scope) => asked.includes(scope))])] }
}
