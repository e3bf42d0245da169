import { consent, createBrowser, signIn, startLocalProvider } from '@consentry/testing'
import t from 'tap'
import { codeVerifier, fails, nonce, redirectUri, state } from './helpers.ts'
import { oidc } from '../src/index.ts'

t.test('the whole life of a grant at a certified provider', async (t) => {
  const op = await startLocalProvider({
    issuerHost: 'localhost', clients: [{ clientId: 'client', clientSecret: 'client-secret', redirectUris: [redirectUri] }]
  })
  t.teardown(() => op.close())
  const provider = oidc({ issuer: op.issuer, clientId: 'client', clientSecret: 'client-secret', allowInsecureLoopback: true })
  t.teardown(async () => provider.close?.())
  const url = await provider.authorizationUrl({ redirectUri, state, nonce, codeVerifier, scopes: ['openid', 'email', 'offline_access'], prompt: 'consent', maxAge: 60 })
  const browser = createBrowser({ stopAt: ({ hostname }) => hostname === 'app.example' })
  const { next = '' } = await consent(await signIn(await browser.open(url), 'alice'), 'allow')
  const response = await provider.authorizationResponse(new URL(next).searchParams, { state })
  const tokens = await provider.exchange(response, { redirectUri, codeVerifier, nonce, scopes: [], maxAge: 60 })
  t.match(tokens, { tokenType: 'bearer', account: { issuer: op.issuer } })
  const account = await provider.userInfo(tokens)
  t.match(account, { subject: tokens.account?.subject, claims: { email: /@/ } })
  const { refreshToken = '' } = tokens
  const refreshed = await provider.refresh({ refreshToken, ...tokens.account !== undefined && { account: tokens.account } })
  t.not(refreshed.accessToken, tokens.accessToken)
  t.equal(refreshed.account?.subject, tokens.account?.subject)
  t.equal(await provider.revoke(refreshed), true)
  await fails(t, provider.refresh({ refreshToken: refreshed.refreshToken ?? '' }), 'CONSENTRY_ERR_REAUTH_REQUIRED', 'after revocation')
  t.match(op.ledger, { codes: { length: 1 }, discovery: 1, jwks: 1, errors: [] })
})
