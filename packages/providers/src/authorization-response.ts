import { ConsentryError } from '@consentry/core'
import type { AuthorizationResponse, AuthorizationResponseCheck } from '@consentry/core'
import { AuthorizationResponseError, validateAuthResponse } from 'oauth4webapi'
import type { AuthorizationServer } from 'oauth4webapi'
import type { Context } from './context.ts'
import { ProviderFault } from './errors.ts'
import { oneIssuer } from './issuer-rules.ts'
import type { IssuerRules } from './issuer-rules.ts'

// RFC 6749 section 4.1.2.1, OpenID Connect Core section 3.1.2.6.
const errorCodes: ReadonlySet<string> = new Set([
  'invalid_request', 'unauthorized_client', 'access_denied', 'unsupported_response_type', 'invalid_scope', 'server_error',
  'temporarily_unavailable', 'interaction_required', 'login_required', 'account_selection_required', 'consent_required',
  'invalid_request_uri', 'invalid_request_object', 'request_not_supported', 'request_uri_not_supported',
  'registration_not_supported'
])

// They come with other response types and modes than ours; someone else put them there.
const foreignParameters = ['access_token', 'id_token', 'token', 'token_type', 'response']

/** The answers that one provider's redirects brought, from their check to their only use. */
export interface AuthorizationResponses {
  /** Checks the parameters of the redirect. */
  check (server: AuthorizationServer, parameters: URLSearchParams, check: AuthorizationResponseCheck): AuthorizationResponse
  /** What `check` proved of this very response; the second time it is refused, as a code is sent once. */
  take (response: AuthorizationResponse): URLSearchParams
}

/** One per provider: what one has checked means nothing to another (B9). */
export function authorizationResponses (context: Context, rules?: IssuerRules): AuthorizationResponses {
  const checked = new WeakMap<AuthorizationResponse, URLSearchParams>()
  return {
    check (server, given, { state }) {
      const parameters = new URLSearchParams(given)
      const names = [...parameters.keys()]
      if (new Set(names).size !== names.length) throw refused('CONSENTRY_ERR_RESPONSE_INVALID', 'A parameter comes twice')
      if (foreignParameters.some((name) => parameters.has(name))) throw refused('CONSENTRY_ERR_RESPONSE_INVALID', 'A parameter belongs to another flow')
      if (state === '' || parameters.get('state') !== state) throw refused('CONSENTRY_ERR_STATE_MISMATCH', 'The state is another')
      // RFC 9207 section 2.4; errors carry it too.
      const iss = parameters.get('iss')
      if (iss === null ? server.authorization_response_iss_parameter_supported === true : !(rules ?? oneIssuer(server.issuer)).accepts(iss)) {
        throw refused('CONSENTRY_ERR_ISSUER_MISMATCH', iss === null ? 'The iss is missing' : 'The iss is another')
      }
      const error = parameters.get('error')
      const code = parameters.get('code')
      if ((error === null) === (code === null) || !isCode(error ?? code)) throw refused('CONSENTRY_ERR_RESPONSE_INVALID', 'There is not one well-formed code or error')
      try {
        const proven = validateAuthResponse(iss === null ? server : { ...server, issuer: iss }, context.client, parameters, state)
        const response: AuthorizationResponse = Object.freeze({ type: 'code', parameters })
        checked.set(response, proven)
        return response
      } catch (cause) {
        if (!(cause instanceof AuthorizationResponseError)) throw refused('CONSENTRY_ERR_RESPONSE_INVALID', 'The library refused it')
        return Object.freeze({ type: 'error', error: errorCodes.has(cause.error) ? cause.error : 'server_error' })
      }
    },

    take (response) {
      const proven = checked.get(response)
      if (proven === undefined) throw refused('CONSENTRY_ERR_RESPONSE_INVALID', 'The answer was not checked here, or was used before')
      checked.delete(response)
      return proven
    }
  }
}

/** RFC 6749 appendix A.11 and A.7: printable ASCII. */
function isCode (value: string | null): boolean {
  return value !== null && /^[\x20-\x7e]{1,4096}$/.test(value)
}

function refused (code: 'CONSENTRY_ERR_RESPONSE_INVALID' | 'CONSENTRY_ERR_STATE_MISMATCH' | 'CONSENTRY_ERR_ISSUER_MISMATCH', reason: string): ConsentryError {
  return new ConsentryError(code, { cause: new ProviderFault(reason) })
}
