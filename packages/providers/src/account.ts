import { ConsentryError } from '@consentry/core'
import type { Account, Claims, TokenSet } from '@consentry/core'
import { ProviderFault, responseInvalid } from './errors.ts'
import { isSubject } from './id-token.ts'
import { told } from './userinfo.ts'
import type { AccountPaths, Path, PlainVendor } from './vendor.ts'
import type { VendorApi } from './vendor-api.ts'

/** The value that stands at `path`, reached by own members alone. */
export function at (value: unknown, path: Path): unknown {
  return path.split('.').reduce((inner, name) => typeof inner === 'object' && inner !== null && Object.hasOwn(inner, name) ? (inner as Claims)[name] : undefined, value)
}

/**
 * The account that JSON of a vendor tells of: the stable id, which may be a number, and claims under their standard names.
 *
 * @throws ConsentryError `CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID` when there is no id
 */
export function accountAt (json: unknown, issuer: string, { subject, claims = {} }: AccountPaths): Account {
  const found: readonly unknown[] = typeof subject === 'function' ? subject(json) : [subject].flat().map((path) => at(json, path))
  const ids = found.map((id) => Number.isSafeInteger(id) ? String(id) : id)
  if (ids.length === 0 || !ids.every(isSubject)) throw responseInvalid('The id of the account is missing or malformed')
  const id = ids.join(':')
  if (!isSubject(id)) throw responseInvalid('The id of the account is too long')
  const standard = Object.entries(claims).flatMap(([name, path]) => {
    const value = at(json, path)
    return value === undefined || value === null ? [] : [[name, value] as const]
  })
  return { issuer, subject: id, claims: Object.fromEntries(standard) }
}

/** Whose tokens these are, by the vendor's endpoint, over what its token answer told. */
export async function loadAccount (vendor: PlainVendor, issuer: string, api: VendorApi, tokens: TokenSet): Promise<Account | undefined> {
  const { account } = vendor
  if (account === undefined) return tokens.account
  const claims = await load(account, api, tokens)
  if (claims === undefined) return tokens.account
  const found = accountAt(claims, issuer, account)
  if (tokens.account !== undefined && tokens.account.subject !== found.subject) throw responseInvalid('The account is another than before')
  return { ...found, claims: { ...tokens.account?.claims, ...told(claims), ...found.claims } }
}

async function load (account: NonNullable<PlainVendor['account']>, api: VendorApi, tokens: TokenSet): Promise<Claims | undefined> {
  try {
    if (account.load !== undefined) return await account.load(api, tokens)
    const claims = await api.get(account.endpoint ?? '', tokens.accessToken)
    if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) throw responseInvalid('The account is not a JSON object')
    return claims as Claims
  } catch (error) {
    if (account.optional === true && ConsentryError.is(error) && error.cause instanceof ProviderFault && error.cause.status === 403) return undefined
    throw error
  }
}
