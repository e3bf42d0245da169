import type { RedirectProvider, TokenSet } from '@consentry/core'
import { define } from '../define.ts'
import { withTokens } from '../device-authorization.ts'
import { responseInvalid } from '../errors.ts'
import type { OpenIdVendor, VendorOptions } from '../vendor.ts'

export interface GoogleOptions extends VendorOptions {
  /** Only accounts of this Google Workspace domain. It is asked for (`hd`), and checked in the ID token. */
  hostedDomain?: string
}

const api = (name: string) => `https://www.googleapis.com/auth/${name}`
const calendar = (...names: string[]) => names.map((name) => api(`calendar.${name}`))
const drive = (...names: string[]) => names.map((name) => api(`drive.${name}`))
const gmail = (...names: string[]) => names.map((name) => api(`gmail.${name}`))

// https://developers.google.com/identity/openid-connect/openid-connect
// https://developers.google.com/identity/protocols/oauth2/web-server
// https://developers.google.com/identity/protocols/oauth2/scopes
const vendor: OpenIdVendor = {
  label: 'Google',
  issuer: 'https://accounts.google.com',
  clientAuthentication: 'client_secret_post',
  defaultScopes: ['openid', 'email', 'profile'],
  recommendedScopes: [...calendar('events.readonly'), ...drive('file')],
  coveredScopes: {
    // Asked for by the short name, granted by the long one.
    [api('userinfo.email')]: ['email'],
    [api('userinfo.profile')]: ['profile'],
    email: [api('userinfo.email')],
    profile: [api('userinfo.profile')],
    [api('calendar')]: calendar('readonly', 'events', 'events.readonly', 'settings.readonly'),
    [api('calendar.readonly')]: calendar('events.readonly', 'settings.readonly'),
    [api('calendar.events')]: calendar('events.readonly'),
    [api('drive')]: drive('file', 'readonly', 'metadata', 'metadata.readonly'),
    [api('drive.readonly')]: drive('metadata.readonly'),
    [api('drive.metadata')]: drive('metadata.readonly'),
    'https://mail.google.com/': gmail('modify', 'readonly', 'compose', 'send', 'insert', 'labels', 'metadata'),
    [api('gmail.modify')]: gmail('readonly', 'compose', 'send', 'insert', 'labels', 'metadata'),
    [api('gmail.readonly')]: gmail('metadata'),
    [api('gmail.compose')]: gmail('send')
  },
  // Grants add up: https://developers.google.com/identity/protocols/oauth2/web-server#incrementalAuth
  authorizationParameters: { include_granted_scopes: 'true' },
  // A refresh token comes with a consent alone. Who has one is not asked again, and gets one for new scopes with their consent.
  offlineParameters: { wanted: { access_type: 'offline', prompt: 'consent' }, held: { access_type: 'offline' } },
  loginHint: { parameter: 'login_hint', claim: 'email' },
  // One token ends the whole grant: https://developers.google.com/identity/protocols/oauth2/web-server#tokenrevoke
  revokes: 'one',
  revokesAll: true
}

/**
 * Google, an OpenID provider: <https://developers.google.com/identity/openid-connect/openid-connect>. Consent is asked for
 * again only when a refresh token is wanted and none is held.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; its `cause` names the option
 */
export function google (options: GoogleOptions): RedirectProvider {
  const { hostedDomain, ...rest } = options
  if (hostedDomain === undefined) return define(vendor, rest)
  const provider = define(vendor, { ...rest, authorizationParameters: { ...rest.authorizationParameters, hd: hostedDomain } })
  // The parameter alone can be taken out on the way: https://developers.google.com/identity/openid-connect/openid-connect#hd-param
  const checked = (tokens: TokenSet) => {
    if (tokens.account?.claims['hd'] !== hostedDomain) throw responseInvalid('The account is of another domain')
    return tokens
  }
  return Object.freeze({
    ...provider,
    exchange: async (response, check) => checked(await provider.exchange(response, check)),
    async deviceAuthorization (request) {
      const begun = await provider.deviceAuthorization?.(request)
      return begun && withTokens(begun, checked)
    }
  } satisfies RedirectProvider)
}
