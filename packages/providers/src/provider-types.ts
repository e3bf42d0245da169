import { apiKey } from './api-key.ts'
import { basic } from './basic.ts'
import { clientCredentials } from './client-credentials.ts'
import { microsoft } from './microsoft.ts'
import { oauth2 } from './oauth2.ts'
import { oidc } from './oidc.ts'
import { clientType, providerType } from './provider-type.ts'
import type { ProviderType } from './provider-type.ts'
import { tokenExchange } from './token-exchange.ts'
import type { TokenExchangeOptions } from './token-exchange.ts'
import { asana } from './vendors/asana.ts'
import { bitbucket } from './vendors/bitbucket.ts'
import { calendly } from './vendors/calendly.ts'
import { discord } from './vendors/discord.ts'
import { facebook } from './vendors/facebook.ts'
import { github } from './vendors/github.ts'
import { gitlab } from './vendors/gitlab.ts'
import { google } from './vendors/google.ts'
import { hubspot } from './vendors/hubspot.ts'
import { jira } from './vendors/jira.ts'
import { linear } from './vendors/linear.ts'
import { linkedin } from './vendors/linkedin.ts'
import { mailchimp } from './vendors/mailchimp.ts'
import { notion } from './vendors/notion.ts'
import { reddit } from './vendors/reddit.ts'
import { salesforce } from './vendors/salesforce.ts'
import { slack } from './vendors/slack.ts'
import { spotify } from './vendors/spotify.ts'
import { x } from './vendors/x.ts'
import { zoom } from './vendors/zoom.ts'

const form = { host: 'text', resourceHosts: 'list', issuer: 'text', helpUrl: 'text', probe: 'text', subjectClaim: 'text', scopes: 'list', hint: 'text' } as const
const direct = {
  issuer: 'text', discovery: 'text', tokenEndpoint: 'text', revocationEndpoint: 'text', audience: 'list', resource: 'list', clientAuthentication: 'text'
} as const

/** An option of options has no variable; these are its members. */
type FlatExchange = Omit<TokenExchangeOptions, 'subject'> & { subjectProvider: string, subjectScopes?: readonly string[] }

const flatExchange = ({ subjectProvider, subjectScopes, ...options }: FlatExchange) =>
  tokenExchange({ ...options, subject: { provider: subjectProvider, ...subjectScopes !== undefined && { scopes: subjectScopes } } })

/** The values of `CONSENTRY_<NAME>_TYPE`. */
export const providerTypes: Readonly<Record<string, ProviderType>> = {
  oidc: clientType(oidc, {
    issuer: 'text', signingAlgorithms: 'list', authorizationEndpoint: 'text', clientAuthentication: 'text', idTokenHintInUrl: 'flag', clockTolerance: 'number'
  }, ['issuer']),
  oauth2: clientType(oauth2, {
    authorizationEndpoint: 'text', tokenEndpoint: 'text', revocationEndpoint: 'text', userinfoEndpoint: 'text', pushedAuthorizationRequestEndpoint: 'text',
    deviceAuthorizationEndpoint: 'text',
    subjectClaim: 'text', issuer: 'text', scopeSeparator: 'text', reauthErrors: 'list', clientAuthentication: 'text'
  }, ['authorizationEndpoint', 'tokenEndpoint']),
  microsoft: clientType(microsoft, { tenant: 'text', allowedTenants: 'list', authority: 'text' }, ['tenant']),
  api_key: providerType(apiKey, { ...form, header: 'text', scheme: 'text', fieldLabel: 'text' }, ['label']),
  basic: providerType(basic, { ...form, usernameLabel: 'text', passwordLabel: 'text' }, ['label']),
  client_credentials: clientType(clientCredentials, direct),
  token_exchange: clientType(flatExchange, { ...direct, subjectProvider: 'text', subjectScopes: 'list' }, ['subjectProvider']),
  asana: clientType(asana),
  bitbucket: clientType(bitbucket),
  calendly: clientType(calendly),
  discord: clientType(discord),
  facebook: clientType(facebook, { graphVersion: 'text' }),
  github: clientType(github, { host: 'text' }),
  gitlab: clientType(gitlab, { host: 'text' }),
  google: clientType(google, { hostedDomain: 'text' }),
  hubspot: clientType(hubspot),
  jira: clientType(jira),
  linear: clientType(linear),
  linkedin: clientType(linkedin),
  mailchimp: clientType(mailchimp),
  notion: clientType(notion),
  reddit: clientType(reddit, { userAgent: 'text' }, ['userAgent']),
  salesforce: clientType(salesforce, { host: 'text' }),
  slack: clientType(slack),
  spotify: clientType(spotify),
  x: clientType(x),
  zoom: clientType(zoom)
}
