import { consent, createBrowser, signIn, startLocalProvider } from '@consentry/testing'
import type { LocalClient, LocalProvider, LocalProviderOptions } from '@consentry/testing'
import { exportJWK, generateKeyPair } from 'jose'
import t from 'tap'
import type { Test } from 'tap'
import { codeVerifier, fails, nonce, redirectUri, state } from './helpers.ts'
import { oidc } from '../src/index.ts'
import type { OidcOptions } from '../src/index.ts'

async function local (t: Test, options: LocalProviderOptions, client: Partial<LocalClient> = { clientSecret: 'client-secret' }): Promise<LocalProvider> {
  const op = await startLocalProvider({ issuerHost: 'localhost', clients: [{ clientId: 'client', redirectUris: [redirectUri], ...client }], ...options })
  t.teardown(() => op.close())
  return op
}

/** Everything that a grant lives through. */
async function live (t: Test, op: LocalProvider, options: Partial<OidcOptions> = { clientSecret: 'client-secret' }): Promise<void> {
  const provider = oidc({ issuer: op.issuer, clientId: 'client', allowInsecureLoopback: true, ...options })
  t.teardown(async () => provider.close?.())
  const tokenType = options.dpop === undefined ? 'bearer' : 'dpop'
  const url = await provider.authorizationUrl({ redirectUri, state, nonce, codeVerifier, scopes: ['openid', 'email', 'offline_access'], prompt: 'consent', maxAge: 60 })
  const browser = createBrowser({ stopAt: ({ hostname }) => hostname === 'app.example' })
  const { next = '' } = await consent(await signIn(await browser.open(url), 'alice'), 'allow')
  const response = await provider.authorizationResponse(new URL(next).searchParams, { state })
  const tokens = await provider.exchange(response, { redirectUri, codeVerifier, nonce, scopes: [], maxAge: 60 })
  t.match(tokens, { tokenType, account: { issuer: op.issuer } })
  const account = await provider.userInfo(tokens)
  t.match(account, { subject: tokens.account?.subject, claims: { email: /@/ } })
  const { refreshToken = '' } = tokens
  const refreshed = await provider.refresh({ refreshToken, ...tokens.account !== undefined && { account: tokens.account } })
  t.not(refreshed.accessToken, tokens.accessToken)
  t.match(refreshed, { tokenType, account: { subject: tokens.account?.subject } })
  t.equal(await provider.revoke(refreshed), true)
  await fails(t, provider.refresh({ refreshToken: refreshed.refreshToken ?? '' }), 'CONSENTRY_ERR_REAUTH_REQUIRED', 'after revocation')
  t.match(op.ledger, { codes: { length: options.dpop === undefined ? 1 : 2 }, discovery: 1, jwks: 1, errors: [] })
}

t.test('the whole life of a grant at a certified provider', async (t) => live(t, await local(t, {})))

t.test('RFC 9126: the same by pushed requests, which the provider requires', async (t) => {
  const op = await local(t, { requirePushedAuthorizationRequests: true })
  await live(t, op)
  t.equal(op.ledger.pushedAuthorizations, 1)
})

t.test('RFC 9449: the same with tokens bound to a key, and nonces of the provider', async (t) => {
  const keys = await generateKeyPair('ES256')
  const op = await local(t, { requireDpopNonce: true })
  await live(t, op, { clientSecret: 'client-secret', dpop: keys })
})

t.test('RFC 7523: the same with a key for a secret', async (t) => {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const op = await local(t, {}, { authMethod: 'private_key_jwt', keys: [{ ...await exportJWK(publicKey), kid: 'k1' }] })
  await live(t, op, { privateKey: { key: privateKey, kid: 'k1' } })
})
