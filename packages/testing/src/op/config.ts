import { randomBytes } from 'node:crypto'
import { exportJWK, generateKeyPair } from 'jose'
import type Provider from 'oidc-provider'
import type { Configuration, JWK, KoaContextWithOIDC } from 'oidc-provider'
import { base, Prompt } from 'oidc-provider/lib/helpers/interaction_policy/index.js'
import { claimsByScope, claimsOf } from './accounts.ts'
import type { Accounts } from './accounts.ts'
import type { LocalClient } from './clients.ts'
import type { Brand, Page } from './layout.ts'
import { deviceCodePage, deviceConfirmPage, notePage, signOutPage } from './pages.ts'
import type { Store } from './store.ts'

/** Every scope that the local provider knows. */
const scopes: readonly string[] = ['openid', 'profile', 'email', 'groups', 'offline_access', 'calendar.read', 'calendar.write']

/** The paths of the local provider's endpoints. */
export const routes = {
  authorization: '/authorize',
  code_verification: '/device',
  device_authorization: '/device/authorize',
  end_session: '/logout',
  introspection: '/introspect',
  jwks: '/jwks',
  pushed_authorization_request: '/par',
  revocation: '/revoke',
  token: '/token',
  userinfo: '/userinfo'
} as const

/** What the configuration is made from. */
export interface Setup {
  brand: Brand
  port: number
  accounts: Accounts
  clients: ReadonlyMap<string, LocalClient>
  store: Store
  signingKey: JWK
  accessTokenTtl: number
  refreshTokenTtl: number
  conformIdTokenClaims: boolean
  rotateRefreshTokens: boolean
  requirePushedAuthorizationRequests: boolean
  requireDpopNonce: boolean
}

/** A new key to sign ID tokens with. */
export async function createSigningKey (): Promise<JWK> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  return { ...await exportJWK(privateKey), use: 'sig', alg: 'RS256', kid: randomBytes(8).toString('hex') }
}

function show (ctx: KoaContextWithOIDC, { headers, body }: Page): void {
  ctx.set(headers)
  ctx.body = body
}

/** Posts logout tokens to applications on this machine, which the package's own dispatcher refuses to reach. */
async function fetchLocally (input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const request = { ...init }
  delete request.dispatcher
  return fetch(input, request)
}

/** A client of the house needs no consent: what it asks for is granted. */
async function loadExistingGrant (ctx: KoaContextWithOIDC, { clients }: Setup): Promise<InstanceType<Provider['Grant']> | undefined> {
  const { client, session, result, provider, requestParamOIDCScopes } = ctx.oidc
  if (client === undefined || session?.accountId === undefined) return undefined
  const grantId = result?.consent?.grantId ?? session.grantIdFor(client.clientId)
  const found = grantId === undefined ? undefined : await provider.Grant.find(grantId)
  if (clients.get(client.clientId)?.firstParty !== true) {
    // What was left out the last time is asked for again.
    if (found !== undefined && result?.consent === undefined) delete found.rejected
    return found
  }
  const grant = found ?? new provider.Grant({ clientId: client.clientId, accountId: session.accountId })
  grant.addOIDCScope(requestParamOIDCScopes)
  await grant.save()
  return grant
}

/** The settings of `oidc-provider`. */
export function configuration (setup: Setup): Configuration {
  const { accounts, brand, clients, port, store } = setup
  const policy = base()
  policy.add(new Prompt({ name: 'select_account', requestable: true }), 0)
  return {
    adapter: (model) => store.adapter(model),
    claims: { ...claimsByScope },
    clientBasedCORS: () => false,
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
    conformIdTokenClaims: setup.conformIdTokenClaims,
    cookies: {
      // Cookies do not know ports: these must not meet those of an application or another provider on the same host.
      names: { session: `op_session_${port}`, interaction: `op_interaction_${port}`, resume: `op_resume_${port}` },
      keys: [randomBytes(32).toString('base64url')],
      long: { httpOnly: true, sameSite: 'lax', signed: true },
      short: { httpOnly: true, sameSite: 'lax', signed: true }
    },
    // What a person granted outlives their session here, as it does at the large providers.
    expiresWithSession: () => false,
    features: {
      backchannelLogout: { enabled: true },
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      deviceFlow: {
        enabled: true,
        userCodeInputSource: (ctx, form, _out, error) => { show(ctx, deviceCodePage(brand, form, error !== undefined)) },
        userCodeConfirmSource: (ctx, form, client, _info, userCode) => { show(ctx, deviceConfirmPage(brand, form, { clientName: client.clientName ?? client.clientId, userCode })) },
        successSource: (ctx) => { show(ctx, notePage(brand, 'Your device is connected', 'Go back to it. You can close this page.')) }
      },
      dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => setup.requireDpopNonce },
      introspection: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
      pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: setup.requirePushedAuthorizationRequests },
      revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => { show(ctx, signOutPage(brand, form)) },
        postLogoutSuccessSource: (ctx) => { show(ctx, notePage(brand, 'Signed out', `You are signed out of ${brand.name}. You can close this page.`)) }
      }
    },
    fetch: fetchLocally,
    findAccount: (_ctx, sub) => {
      const account = accounts.bySub(sub)
      return account === undefined ? undefined : { accountId: sub, claims: () => claimsOf(account) }
    },
    interactions: { policy, url: (_ctx, { uid }) => `/interaction/${uid}` },
    issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    jwks: { keys: [setup.signingKey] },
    loadExistingGrant: (ctx) => loadExistingGrant(ctx, setup),
    pkce: { required: () => true },
    renderError: (ctx, { error, error_description: description }) => {
      show(ctx, notePage(brand, 'This request cannot be served', description === undefined ? error : `${error}: ${description}`))
    },
    responseTypes: ['code'],
    rotateRefreshToken: setup.rotateRefreshTokens,
    routes: { ...routes },
    scopes,
    ttl: {
      AccessToken: (_ctx, _token, client) => clients.get(client.clientId)?.accessTokenTtl ?? setup.accessTokenTtl,
      AuthorizationCode: 60,
      DeviceCode: 600,
      Grant: 14 * 24 * 3600,
      IdToken: 3600,
      Interaction: 3600,
      RefreshToken: setup.refreshTokenTtl,
      Session: 14 * 24 * 3600
    }
  }
}
