import type { RedirectProvider } from '@consentry/core'
import { optionsInvalid, responseInvalid } from './errors.ts'
import type { IssuerRules } from './issuer-rules.ts'
import { coveredScopes, grantedScopes } from './microsoft-scopes.ts'
import { openIdProvider } from './oidc.ts'
import { endpointOption, reachOf } from './options.ts'
import type { ClientOptions } from './options.ts'

/** A client of the Microsoft identity platform. */
export interface MicrosoftOptions extends Omit<ClientOptions, 'dpop'> {
  /**
   * Who may sign in: the people of one directory, by its id; of every directory (`organizations`); with a personal account
   * (`consumers`); or all of them (`common`).
   */
  tenant: string
  /** The ids of the only directories whose people are accepted, with `organizations` or `common`. */
  allowedTenants?: readonly string[]
  /** The cloud, for those beside the worldwide one. Default `https://login.microsoftonline.com`. */
  authority?: string
}

/** The directory of personal accounts. */
const consumers = '9188040d-6c67-4c5b-b112-36a304b66dad'
const directoryId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * Microsoft Entra ID and personal Microsoft accounts:
 * <https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc>.
 *
 * An account is the `sub` of the ID token at the issuer of its directory; `sub` is another one for every client
 * registration. `oid` and `tid`, which all applications of a directory share, are among the claims. The e-mail is not
 * verified: <https://learn.microsoft.com/entra/identity-platform/claims-validation>.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; its `cause` names the option
 */
export function microsoft (options: MicrosoftOptions): RedirectProvider {
  const { tenant: given, allowedTenants, authority = 'https://login.microsoftonline.com', ...rest } = options
  const origin = new URL(endpointOption('authority', authority, reachOf(options))).origin
  if (origin !== authority) throw optionsInvalid('authority is not an origin')
  const tenant = typeof given === 'string' ? given.toLowerCase() : ''
  const provider = openIdProvider({
    ...rest, label: options.label ?? 'Microsoft', issuer: `${origin}/${tenant}/v2.0`
  }, { rules: tenantRules(origin, tenant, accepted(tenant, allowedTenants)), grantedScopes, backchannelLogout: false })

  return Object.freeze({
    ...provider,
    recommendedScopes: ['User.Read'],
    coveredScopes: coveredScopes(provider.defaultScopes),
    loginHintClaim: 'preferred_username',
    // https://learn.microsoft.com/entra/identity-platform/scopes-oidc#the-offline_access-scope
    authorizationUrl: async (request) => provider.authorizationUrl(request.refreshToken === undefined || request.scopes.includes('offline_access')
      ? request
      : { ...request, scopes: [...request.scopes, 'offline_access'] }),
    // https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code
    deviceAuthorization: async ({ scopes }) => provider.deviceAuthorization?.({ scopes: [...new Set([...scopes, 'offline_access'])] }),
    // The ID token tells as much, and the endpoint answers for tokens of Graph alone: https://learn.microsoft.com/entra/identity-platform/userinfo
    userInfo: async ({ account }) => account
  } satisfies RedirectProvider)
}

/** Whether people of a directory are accepted. */
function accepted (tenant: string, allowed: readonly string[] | undefined): (tid: string) => boolean {
  if (allowed !== undefined && (allowed.length === 0 || !allowed.every((tid) => typeof tid === 'string' && directoryId.test(tid)))) {
    throw optionsInvalid('allowedTenants holds one that is not the id of a directory in lower case, or none')
  }
  const among = (tid: string) => allowed === undefined || allowed.includes(tid)
  switch (tenant) {
    case 'common':
      return among
    case 'organizations':
      if (allowed?.includes(consumers) === true) throw optionsInvalid('allowedTenants holds the directory of personal accounts, but tenant is organizations')
      return (tid) => tid !== consumers && among(tid)
    default:
      // A domain would do for the requests, but which directory vouches would be known from the network alone.
      if (tenant !== 'consumers' && !directoryId.test(tenant)) throw optionsInvalid('tenant is neither common, organizations, consumers nor the id of a directory')
      if (allowed !== undefined) throw optionsInvalid('allowedTenants is given, but tenant is a single one')
      return (tid) => tid === (tenant === 'consumers' ? consumers : tenant)
  }
}

/** https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-the-issuer, and the signing key issuer below it. */
function tenantRules (origin: string, tenant: string, accepts: (tid: string) => boolean): IssuerRules {
  const issuerOf = (tid: string) => `${origin}/${tid}/v2.0`
  const template = issuerOf('{tenantid}')
  return {
    document: tenant === 'common' || tenant === 'organizations' ? template : issuerOf(tenant === 'consumers' ? consumers : tenant),
    expected ({ tid }) {
      if (typeof tid !== 'string' || !directoryId.test(tid)) throw responseInvalid('The tid of the ID token is not the id of a directory')
      if (!accepts(tid)) throw responseInvalid('The tid of the ID token is a directory whose people are not accepted')
      return issuerOf(tid)
    },
    accepts: (iss) => {
      const [tid = ''] = iss.slice(origin.length + 1).split('/', 1)
      return iss === template || (iss === issuerOf(tid) && directoryId.test(tid) && accepts(tid))
    },
    signs: ({ issuer }, expected) => issuer === undefined || issuer === expected || issuer === template
  }
}
