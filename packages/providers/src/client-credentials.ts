import type { DirectProvider } from '@consentry/core'
import { clientCredentialsGrantRequest, processClientCredentialsResponse } from 'oauth4webapi'
import { directProvider } from './direct.ts'
import type { DirectOptions } from './direct.ts'
import { optionsInvalid } from './errors.ts'

export interface ClientCredentialsOptions extends DirectOptions {}

/**
 * Tokens of the application itself, for no person in particular (RFC 6749 section 4.4). The same for everybody: what is
 * fetched with them must be fit for everybody.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; its `cause` names the option
 */
export function clientCredentials (options: ClientCredentialsOptions): DirectProvider {
  // Section 4.4: confidential clients only.
  if (options.clientSecret === undefined && options.privateKey === undefined) throw optionsInvalid('clientSecret is missing, and privateKey too')
  return directProvider(options, {
    request: ({ client, authentication, proving }, server, parameters) => clientCredentialsGrantRequest(server, client, authentication, parameters, proving),
    process: ({ client }, server, answer) => processClientCredentialsResponse(server, client, answer)
  })
}
