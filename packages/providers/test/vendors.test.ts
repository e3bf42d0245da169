import { createHash } from 'node:crypto'
import t from 'tap'
import { codeVerifier, fails, nonce, state } from './helpers.ts'
import { vendors } from './vendors/all.ts'
import { redirectUri } from './vendors/case.ts'
import { connect, start } from './vendors/run.ts'

for (const [name, vendor] of Object.entries(vendors)) {
  const { description } = vendor
  const secrets = [description.client.secret, codeVerifier, 'at-', 'rt-', 'provider text']

  t.test(name, async (t) => {
    t.test('seed C: default scopes are the vendor\'s own, and give way to others', async (t) => {
      const { provider } = await start(t, vendor)
      t.match(provider, { kind: 'redirect', label: vendor.label, issuer: vendor.issuer, host: new URL(vendor.issuer).host })
      t.same(provider.defaultScopes, vendor.defaultScopes)
      t.equal(vendor.create({ clientId: 'c', clientSecret: 's', label: 'Ours' }).label, 'Ours')
      t.same(vendor.create({ clientId: 'c', clientSecret: 's', scopes: ['other'] }).defaultScopes, ['other'])
    })

    t.test('the authorization request is the one of the vendor\'s page', async (t) => {
      const { local, provider } = await start(t, vendor)
      const url = await provider.authorizationUrl({ redirectUri, state, nonce, codeVerifier, scopes: provider.defaultScopes, refreshToken: 'wanted', loginHint: 'alice@example.com' })
      t.equal(url.origin + url.pathname, description.authorization.url)
      const { login_hint: _hint, login: _login, ...parameters } = Object.fromEntries(url.searchParams)
      t.same(parameters, {
        client_id: description.client.id, redirect_uri: redirectUri, response_type: 'code', state,
        ...description.openid !== undefined && { nonce },
        ...description.token.pkce !== 'refused' && { code_challenge: createHash('sha256').update(codeVerifier).digest('base64url'), code_challenge_method: 'S256' },
        ...vendor.request
      })
      t.equal((await local.authorize(url)).get('state'), state)
    })

    t.test('seed C: what the protocol sets cannot be replaced', async (t) => {
      const scope = description.authorization.scope?.parameter ?? 'scope'
      for (const parameter of ['state', 'redirect_uri', 'client_id', 'response_type', 'code_challenge', 'code_challenge_method', 'nonce', 'scope', scope]) {
        t.throws(() => vendor.create({ clientId: 'c', clientSecret: 's', authorizationParameters: { [parameter]: 'evil' } }), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' }, parameter)
      }
    })

    t.test('the code becomes tokens, with the verifier', async (t) => {
      const { local, provider } = await start(t, vendor)
      const tokens = await connect(local, provider)
      const { expiresIn, scopes, refreshToken } = vendor.tokens
      t.ok(local.accessTokens.has(tokens.accessToken), 'the one that holds')
      t.match(tokens, { tokenType: 'bearer', accessToken: /^at-/ })
      t.equal(tokens.expiresIn, expiresIn)
      t.same(tokens.scopes?.toSorted(), scopes?.toSorted())
      t.equal(tokens.refreshToken !== undefined, refreshToken)
      const sent = local.requests.find(({ parameters }) => parameters['grant_type'] === 'authorization_code')
      t.equal(sent?.parameters['code_verifier'], description.token.pkce === 'refused' ? undefined : codeVerifier)
      t.same(local.strays, [])
    })

    t.test('whose they are', async (t) => {
      const { local, provider } = await start(t, vendor)
      const account = await provider.userInfo(await connect(local, provider))
      t.match(account, { issuer: vendor.issuer, ...vendor.account })
      t.equal(account?.subject, vendor.account.subject)
      for (const secret of secrets) t.notMatch(JSON.stringify(account), secret, 'claims hold no secrets')
      t.same(local.strays, [])
    })

    t.test('refresh', async (t) => {
      const { local, provider } = await start(t, vendor)
      const { refreshToken, account, ...tokens } = await connect(local, provider)
      if (vendor.refresh === 'none') {
        t.equal(refreshToken, undefined)
        return
      }
      const before = account ?? await provider.userInfo(tokens)
      const granted = tokens.scopes ?? []
      const fresh = await provider.refresh({ refreshToken: refreshToken ?? '', scopes: granted, ...before !== undefined && { account: before } })
      t.not(fresh.accessToken, tokens.accessToken)
      t.ok(local.accessTokens.has(fresh.accessToken))
      t.equal(fresh.expiresIn, vendor.tokens.expiresIn)
      t.same((fresh.scopes ?? granted).toSorted(), granted.toSorted())
      t.equal(fresh.refreshToken === refreshToken, vendor.refresh === 'same refresh token', 'seed C: the old refresh token is kept when no new one comes')
      t.ok(local.refreshTokens.has(fresh.refreshToken ?? ''))
      const again = await provider.refresh({ refreshToken: fresh.refreshToken ?? '' })
      t.ok(local.accessTokens.has(again.accessToken), 'and once more')
      t.same(local.strays, [])
    })

    t.test('seed C: what is revoked, and how the client shows who it is', async (t) => {
      const { local, provider } = await start(t, vendor)
      const tokens = await connect(local, provider)
      const before = local.requests.length
      t.equal(await provider.revoke(tokens), vendor.revoke !== 'none')
      const sent = local.requests.slice(before)
      t.same(sent.map(({ method, url }) => `${method} ${url.origin}${url.pathname}`), Array.from({ length: { none: 0, 'refresh and access token': 2 }[vendor.revoke as string] ?? 1 }, () => description.revocation?.route))
      if (vendor.revoke === 'none') return
      t.equal(local.accessTokens.has(tokens.accessToken), false, 'the access token does not hold any more')
      t.equal(local.refreshTokens.has(tokens.refreshToken ?? ''), false, 'nor does the refresh token')
      const first = sent[0]?.parameters[description.revocation?.token ?? 'token']
      if (vendor.revoke !== 'access token') t.equal(first, tokens.refreshToken)
      await t.resolves(provider.revoke(tokens).catch((error: unknown) => { t.match(error, { code: 'CONSENTRY_ERR_PROVIDER_REFUSED' }) }), 'again')
      t.same(local.strays, [])
    })

    t.test('errors, in the form of the vendor', async (t) => {
      const { local, provider } = await start(t, vendor)
      const parameters = new URLSearchParams({ code: 'code-of-another', state })
      const response = await provider.authorizationResponse(parameters, { state })
      await fails(t, provider.exchange(response, { redirectUri, codeVerifier, nonce, scopes: [] }), 'CONSENTRY_ERR_PROVIDER_REFUSED', 'a code that is over', secrets)
      if (vendor.refresh !== 'none') await fails(t, provider.refresh({ refreshToken: 'rt-of-another' }), 'CONSENTRY_ERR_REAUTH_REQUIRED', 'a refresh token that is over', secrets)
      const wrong = vendor.create({ clientId: description.client.id, clientSecret: 'wrong', fetch: local.fetch })
      await fails(t, wrong.exchange(await wrong.authorizationResponse(parameters, { state }), { redirectUri, codeVerifier, nonce, scopes: [] }), 'CONSENTRY_ERR_PROVIDER_MISCONFIGURED', 'a wrong secret', secrets)
      if (description.api !== undefined) await fails(t, provider.userInfo({ accessToken: 'at-of-another', tokenType: 'bearer' }), 'CONSENTRY_ERR_PROVIDER_REFUSED', 'an access token that is over', secrets)
    })

    t.test('B17: no secret in a URL', async (t) => {
      const { local, provider } = await start(t, vendor)
      const tokens = await connect(local, provider)
      await provider.userInfo(tokens)
      if (tokens.refreshToken !== undefined) await provider.refresh({ refreshToken: tokens.refreshToken })
      await provider.revoke(tokens).catch(() => {})
      const urls = local.requests.map(({ url }) => url.href).join('\n')
      for (const secret of [...secrets, encodeURIComponent(description.client.secret)]) t.notOk(urls.includes(secret), secret)
    })
  })
}
