import { createHash } from 'node:crypto'
import t from 'tap'
import { reddit as createReddit } from '../src/index.ts'
import type { RedditOptions } from '../src/index.ts'
import { codeVerifier, fails, nonce, state } from './helpers.ts'
import { bitbucket } from './vendors/bitbucket.ts'
import { redirectUri } from './vendors/case.ts'
import { facebook } from './vendors/facebook.ts'
import { github } from './vendors/github.ts'
import { google } from './vendors/google.ts'
import { jira } from './vendors/jira.ts'
import { reddit, userAgent } from './vendors/reddit.ts'
import { asking, changed, connect, start } from './vendors/run.ts'
import { x } from './vendors/x.ts'

const s256 = (verifier: string) => createHash('sha256').update(verifier).digest('base64url')

t.test('seed C: GitHub: the verifier goes with the challenge, and GitHub checks it', async (t) => {
  const { local, provider } = await start(t, github)
  const url = await asking(provider)
  t.equal(url.searchParams.get('code_challenge'), s256(codeVerifier))
  const response = await provider.authorizationResponse(await local.authorize(url), { state })
  await fails(t, provider.exchange(response, { redirectUri, codeVerifier: 'another'.repeat(8), nonce, scopes: [] }), 'CONSENTRY_ERR_PROVIDER_REFUSED', 'another verifier')
})

t.test('seed C: GitHub: the refresh token of a GitHub App is kept when no new one comes', async (t) => {
  // https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens
  const answer = ({ accessToken, refreshToken }: { accessToken: string, refreshToken?: string }) => ({
    access_token: accessToken, expires_in: 28_800, ...refreshToken !== undefined && { refresh_token: refreshToken, refresh_token_expires_in: 15_811_200 }, scope: '', token_type: 'bearer'
  })
  for (const [rotation, refreshed, kept] of [['always', answer, false], ['never', ({ accessToken }: { accessToken: string }) => answer({ accessToken }), true]] as const) {
    const { local, provider } = await start(t, changed(github, { answer, refreshed, rotation }), { scopes: [] })
    const tokens = await connect(local, provider)
    t.match(tokens, { expiresIn: 28_800, scopes: [] })
    const fresh = await provider.refresh({ refreshToken: tokens.refreshToken ?? '' })
    t.equal(fresh.refreshToken === tokens.refreshToken, kept)
    t.ok(local.refreshTokens.has(fresh.refreshToken ?? ''))
    await fails(t, provider.refresh({ refreshToken: 'rt-over' }), 'CONSENTRY_ERR_REAUTH_REQUIRED', 'bad_refresh_token in an answer of 200')
  }
})

t.test('seed C: GitHub: the address is the primary one that was verified, of /user/emails', async (t) => {
  for (const [name, emails, claims] of [
    ['verified', [{ email: 'a@example.com', primary: true, verified: true }], { email: 'a@example.com', email_verified: true }],
    ['not verified', [{ email: 'a@example.com', primary: true, verified: false }, { email: 'b@example.com', primary: false, verified: true }], { email: 'public@example.com', email_verified: undefined }]
  ] as const) {
    const api = {
      'GET https://api.github.com/user': { answer: () => ({ body: { id: 1, login: 'alice', email: 'public@example.com' } }) },
      'GET https://api.github.com/user/emails': { answer: () => ({ body: emails }) }
    }
    const { local, provider } = await start(t, changed(github, {}, { api }))
    const account = await provider.userInfo(await connect(local, provider))
    t.match(account, { subject: '1', claims }, name)
  }
  for (const status of [403, 404]) {
    const api = {
      'GET https://api.github.com/user': { answer: () => ({ body: { id: 1, login: 'alice', email: null } }) },
      'GET https://api.github.com/user/emails': { answer: () => ({ status, body: { message: 'Not Found' } }) }
    }
    const { local, provider } = await start(t, changed(github, {}, { api }), { scopes: ['repo'] })
    t.match(await provider.userInfo(await connect(local, provider)), { subject: '1' }, `without user:email the account is known all the same, ${status}`)
  }
  const api = {
    'GET https://api.github.com/user': { answer: () => ({ body: { id: 1, login: 'alice' } }) },
    'GET https://api.github.com/user/emails': { answer: () => ({ status: 500, body: '' }) }
  }
  const { local, provider } = await start(t, changed(github, {}, { api }))
  await fails(t, provider.userInfo(await connect(local, provider)), 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE', 'an outage is one')
})

t.test('seed C: Google: consent is asked for only when a refresh token is wanted and none is held', async (t) => {
  const { provider } = await start(t, google)
  for (const [request, access, prompt] of [
    [{}, null, null],
    [{ refreshToken: 'wanted' }, 'offline', 'consent'],
    [{ refreshToken: 'held' }, 'offline', null],
    [{ refreshToken: 'wanted', prompt: 'select_account' }, 'offline', 'select_account consent'],
    [{ refreshToken: 'wanted', prompt: 'consent' }, 'offline', 'consent'],
    [{ refreshToken: 'wanted', prompt: 'none' }, 'offline', 'none'],
    [{ refreshToken: 'held', prompt: 'login' }, 'offline', 'login']
  ] as const) {
    const { searchParams } = await asking(provider, request)
    t.equal(searchParams.get('access_type'), access, JSON.stringify(request))
    t.equal(searchParams.get('prompt'), prompt, JSON.stringify(request))
  }
})

t.test('seed E: X: the challenge is S256 of the verifier, and another for every verifier', async (t) => {
  const { provider } = await start(t, x)
  const challenges = new Set<string | null>()
  for (const verifier of [codeVerifier, 'challenge'.repeat(6), 'x'.repeat(128)]) {
    const { searchParams } = await asking(provider, { codeVerifier: verifier })
    t.equal(searchParams.get('code_challenge_method'), 'S256')
    t.equal(searchParams.get('code_challenge'), s256(verifier))
    challenges.add(searchParams.get('code_challenge'))
  }
  t.equal(challenges.size, 3)
})

t.test('seed E: Bitbucket: the state goes there and must come back', async (t) => {
  const { local, provider } = await start(t, bitbucket)
  const parameters = await local.authorize(await asking(provider))
  t.equal(parameters.get('state'), state)
  parameters.delete('state')
  await fails(t, provider.authorizationResponse(parameters, { state }), 'CONSENTRY_ERR_STATE_MISMATCH', 'without')
})

t.test('seed E: Jira: the parameter is audience, and Jira wants it', async (t) => {
  const { local, provider } = await start(t, jira)
  const url = await asking(provider)
  t.equal(url.searchParams.get('audience'), 'api.atlassian.com')
  t.equal(url.searchParams.has('offline_access'), false)
  t.notOk(url.searchParams.get('scope')?.includes('offline_access'), 'a sign-in needs no refresh token')
  await t.resolves(local.authorize(url))
  url.searchParams.delete('audience')
  await t.rejects(local.authorize(url))
})

t.test('seed E: Reddit: can be configured', async (t) => {
  const { local, provider } = await start(t, reddit)
  t.ok((await connect(local, provider)).refreshToken)
  t.ok(local.requests.slice(1).every(({ headers }) => headers['user-agent'] === userAgent), 'every request but the browser\'s says whose application it is')
  t.equal((await asking(provider)).searchParams.get('duration'), null, 'a sign-in needs no refresh token')
  for (const wrong of [undefined, '', 'a\nb', 7]) {
    t.throws(() => createReddit({ clientId: 'c', clientSecret: 's', userAgent: wrong } as RedditOptions), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' }, String(wrong))
  }
})

t.test('seed E: what is granted is what the vendor says, not what was asked for', async (t) => {
  const { local, provider } = await start(t, facebook)
  local.declined.add('email')
  t.same((await connect(local, provider)).scopes, ['public_profile'])
})
