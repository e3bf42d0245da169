import type { DirectProvider } from '@consentry/core'
import { genericTokenEndpointRequest, processGenericTokenEndpointResponse } from 'oauth4webapi'
import { directProvider } from './direct.ts'
import type { DirectOptions } from './direct.ts'
import { optionsInvalid, responseInvalid } from './errors.ts'
import { scopesOption } from './options.ts'

export interface TokenExchangeOptions extends DirectOptions {
  /** The provider whose grant of the person is exchanged, by the name under which it is configured, and the scopes the grant must have. */
  subject: { provider: string, scopes?: readonly string[] }
}

// RFC 8693 sections 2.1 and 3.
const grantType = 'urn:ietf:params:oauth:grant-type:token-exchange'
const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'

/**
 * Tokens for another audience, in exchange for the access token of a grant that the person gave already (RFC 8693).
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; its `cause` names the option
 */
export function tokenExchange (options: TokenExchangeOptions): DirectProvider {
  const { subject } = options
  if (typeof subject !== 'object' || typeof subject.provider !== 'string' || subject.provider === '') throw optionsInvalid('subject.provider is missing')
  return directProvider(options, {
    subject: Object.freeze({ provider: subject.provider, ...subject.scopes !== undefined && { scopes: scopesOption(subject.scopes, ' ') } }),

    async request ({ client, authentication, proving }, server, parameters, subjectToken) {
      if (subjectToken === undefined || subjectToken === '') throw optionsInvalid('subjectToken is missing')
      const exchange = new URLSearchParams(parameters)
      exchange.set('subject_token', subjectToken)
      exchange.set('subject_token_type', accessTokenType)
      exchange.set('requested_token_type', accessTokenType)
      return genericTokenEndpointRequest(server, client, authentication, grantType, exchange, proving)
    },

    async process ({ client }, server, answer) {
      const body = await processGenericTokenEndpointResponse(server, client, answer)
      // Section 2.2.1: it is required, and what was issued need not be what was asked for.
      if (body['issued_token_type'] !== accessTokenType) throw responseInvalid('The issued_token_type is not an access token')
      return body
    }
  })
}
