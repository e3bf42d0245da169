import { ConsentryError } from '@consentry/core'
import type { Account, Claims, TokenSet } from '@consentry/core'
import { processUserInfoResponse, protectedResourceRequest, skipSubjectCheck, userInfoRequest } from 'oauth4webapi'
import type { AuthorizationServer } from 'oauth4webapi'
import type { Context } from './context.ts'
import { withNonce } from './dpop.ts'
import { ProviderFault, attempt, responseInvalid, unavailable } from './errors.ts'
import { isSubject } from './id-token.ts'
import type { Keys } from './keys.ts'
import { keepable } from './keepable.ts'

// Claims about the ID token itself and the sign-in; userinfo has no say in them.
const tokenClaims: ReadonlySet<string> = new Set([
  'iss', 'aud', 'exp', 'iat', 'nbf', 'jti', 'nonce', 'azp', 'at_hash', 'c_hash', 's_hash', 'auth_time', 'acr', 'amr', 'sid'
])

/**
 * The account that an OpenID provider's userinfo endpoint tells of (OpenID Connect Core section 5.3), over what the ID token
 * told. Its `sub` must be that of the ID token, also when the answer is a signed JWT, whose signature is verified.
 */
export async function openIdUserInfo (context: Context, server: AuthorizationServer, keys: Keys, { accessToken, account }: TokenSet): Promise<Account | undefined> {
  if (server.userinfo_endpoint === undefined) return account
  return attempt('userinfo', async () => {
    const { info, jwt } = await withNonce(async () => {
      const response = await userInfoRequest(server, context.client, accessToken, context.proving)
      const jwt = isJwt(response) ? await response.clone().text() : undefined
      return { info: await processUserInfoResponse(server, context.client, account?.subject ?? skipSubjectCheck, response), jwt }
    })
    if (jwt !== undefined) await keys.verify(jwt, server.issuer)
    if (!isSubject(info.sub)) throw responseInvalid('The sub of the userinfo is malformed')
    return { issuer: server.issuer, subject: info.sub, claims: { ...account?.claims, ...told(info) } }
  })
}

/** The account that an OAuth 2.0 provider's own endpoint tells of, by the claim that holds its stable id. */
export async function plainUserInfo (context: Context, endpoint: string, issuer: string, subjectClaim: string, { accessToken, account }: TokenSet): Promise<Account> {
  return attempt('userinfo', async () => {
    const response = await withNonce(() => protectedResourceRequest(accessToken, 'GET', new URL(endpoint), new Headers({ accept: 'application/json' }), undefined, context.proving))
    if (response.status === 401 || response.status === 403) throw new ConsentryError('CONSENTRY_ERR_PROVIDER_REFUSED', { cause: new ProviderFault('The userinfo was refused', { status: response.status }) })
    if (response.status !== 200) throw unavailable(new ProviderFault('The userinfo could not be loaded', { status: response.status }))
    const found = await accountOf(response, issuer, subjectClaim)
    if (account !== undefined && account.subject !== found.subject) throw responseInvalid('The userinfo is of another account')
    return found
  })
}

/** The account that an answer in JSON tells of. */
export async function accountOf (response: Response, issuer: string, subjectClaim: string): Promise<Account> {
  const claims: unknown = await response.json().catch(() => { throw unavailable(new ProviderFault('The userinfo is not JSON')) })
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) throw responseInvalid('The userinfo is not a JSON object')
  return { issuer, subject: subjectOf(claims as Claims, subjectClaim), claims: told(claims) }
}

/** What userinfo has a say in. */
export function told (info: object): Claims {
  return Object.fromEntries(Object.entries(keepable(info)).filter(([name]) => !tokenClaims.has(name)))
}

function isJwt (response: Response): boolean {
  return response.headers.get('content-type')?.split(';')[0] === 'application/jwt'
}

function subjectOf (claims: Claims, name: string): string {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined
  const subject = Number.isSafeInteger(value) ? String(value) : value
  if (!isSubject(subject)) throw responseInvalid('The subject of the userinfo is missing or malformed')
  return subject
}
