import { ClientSecretBasic, ClientSecretPost, None, PrivateKeyJwt, modifyAssertion } from 'oauth4webapi'
import type { ClientAuth } from 'oauth4webapi'
import { optionsInvalid } from './errors.ts'
import type { ClientOptions } from './options.ts'

/** The registered names of the methods (OpenID Connect Core section 9). */
export type ClientAuthenticationMethod = 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt' | 'none'

/**
 * The client authentication that `options` ask for, as the function that oauth4webapi applies to a request.
 * `audience` is who a client assertion is for; by default the issuer.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID` when what the method needs is missing, or what it ignores is given
 */
export function clientAuthentication (options: ClientOptions, audience?: string): ClientAuth {
  const { clientSecret, privateKey } = options
  const method = options.clientAuthentication ?? (privateKey !== undefined ? 'private_key_jwt' : clientSecret !== undefined ? 'client_secret_basic' : 'none')
  switch (method) {
    case 'client_secret_basic':
      return ClientSecretBasic(secret(clientSecret))
    case 'client_secret_post':
      return ClientSecretPost(secret(clientSecret))
    case 'private_key_jwt':
      if (privateKey === undefined) throw optionsInvalid('privateKey is missing')
      return privateKeyJwt(privateKey, audience)
    case 'none':
      if (clientSecret !== undefined) throw optionsInvalid('clientSecret is given, but clientAuthentication is none')
      return None()
    default:
      throw optionsInvalid('clientAuthentication is not a known method')
  }
}

function secret (value: unknown): string {
  // Control characters come from files with a line break at the end more often than from a provider.
  // oxlint-disable-next-line no-control-regex
  if (typeof value !== 'string' || value === '' || /[\x00-\x1f\x7f]/.test(value)) throw optionsInvalid('clientSecret is missing or malformed')
  return value
}

function privateKeyJwt (key: NonNullable<ClientOptions['privateKey']>, audience: string | undefined): ClientAuth {
  try {
    return PrivateKeyJwt(key, audience === undefined ? {} : { [modifyAssertion]: (_header, payload) => { payload.aud = audience } })
  } catch {
    throw optionsInvalid('privateKey is not a private CryptoKey')
  }
}
