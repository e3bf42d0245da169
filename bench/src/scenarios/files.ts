import type { RedirectProvider } from '@consentry/core'

/** A provider that says yes at once, where the network is not what is measured. */
export const files: RedirectProvider = {
  kind: 'redirect',
  label: 'Files',
  host: 'files.example.com',
  issuer: 'https://files.example.com',
  defaultScopes: ['read'],
  authorizationUrl: async ({ state }) => new URL(`https://files.example.com/authorize?state=${state}`),
  authorizationResponse: async (parameters) => ({ type: 'code', parameters }),
  exchange: async (_response, { scopes }) => ({ accessToken: 'secret', tokenType: 'bearer', expiresIn: 3600, scopes, account: { issuer: 'https://files.example.com', subject: '42', claims: {} } }),
  refresh: async () => ({ accessToken: 'secret', tokenType: 'bearer', expiresIn: 3600 }),
  revoke: async () => true,
  userInfo: async () => undefined
}
