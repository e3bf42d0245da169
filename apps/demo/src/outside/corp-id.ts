import { startLocalProvider, type LocalProvider } from '@consentry/testing'
import type { OutsideSettings } from './settings.ts'

/**
 * The provider that people sign in with. Its issuer is on `localhost`, so that to a browser it is another site than a demo
 * on 127.0.0.1. Rejects when the port is taken.
 */
export async function startCorpId ({ host, idpPort: port, appUrl, corpSecret }: OutsideSettings): Promise<LocalProvider> {
  const url = (path: string): string => new URL(path, appUrl).href
  return startLocalProvider({
    host,
    port,
    issuerHost: 'localhost',
    clients: [{
      clientId: 'corp',
      clientSecret: corpSecret,
      name: 'Report demo',
      redirectUris: [url('/auth/callback/corp')],
      postLogoutRedirectUris: [url('/')],
      scopes: ['openid', 'profile', 'email', 'groups', 'offline_access'],
      firstParty: true
    }]
  })
}
