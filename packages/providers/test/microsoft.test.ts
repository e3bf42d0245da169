import type { RedirectProvider } from '@consentry/core'
import type { HostileProvider } from '@consentry/testing'
import { generateKeyPair } from 'jose'
import t from 'tap'
import type { Test } from 'tap'
import { microsoft } from '../src/microsoft.ts'
import type { MicrosoftOptions } from '../src/microsoft.ts'
import { authorize, changing, codeVerifier, fails, hostile, nonce, obtain, redirectUri, state } from './helpers.ts'

const invalid = 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID'
const consumers = '9188040d-6c67-4c5b-b112-36a304b66dad'
const contoso = '72f988bf-86f1-41af-91ab-2d7cd011db47'
const fabrikam = '11111111-2222-3333-4444-555555555555'

/** The hostile provider in the part of Microsoft's. */
async function entra (t: Test, tenant: string): Promise<HostileProvider & { readonly origin: string }> {
  const op = await hostile(t, { path: `/${tenant}/v2.0` })
  const { origin } = new URL(op.issuer)
  const documented = { common: '{tenantid}', organizations: '{tenantid}', consumers }[tenant] ?? tenant
  Object.assign(op.metadata, {
    issuer: `${origin}/${documented}/v2.0`, authorization_response_iss_parameter_supported: undefined, revocation_endpoint: undefined, code_challenge_methods_supported: undefined
  })
  op.overrides.authorize = async (_request, usual) => {
    const answer = await usual()
    const location = new URL(answer.headers?.['location'] ?? '')
    location.searchParams.delete('iss')
    return { ...answer, headers: { location: location.href } }
  }
  return { ...op, origin }
}

/** People of this directory sign in from now on. */
function from (op: { readonly origin: string } & HostileProvider, tid: unknown, iss = `${op.origin}/${String(tid)}/v2.0`): void {
  op.idToken.claims = { tid, iss, oid: 'oid-1', preferred_username: 'alice@contoso.example' }
}

function provider (t: Test, op: { readonly origin: string }, options: Partial<MicrosoftOptions> & Pick<MicrosoftOptions, 'tenant'>): RedirectProvider {
  const created = microsoft({ authority: op.origin, clientId: 'client', clientSecret: 'client-secret', allowInsecureLoopback: true, ...options })
  t.teardown(async () => created.close?.())
  return created
}

t.test('seed C: MicrosoftProvider: every kind of tenant, by the template and the tid that was signed', async (t) => {
  for (const [tenant, options, accepted, refused] of [
    ['common', {}, [contoso, fabrikam, consumers], []],
    ['common', { allowedTenants: [contoso, consumers] }, [contoso, consumers], [fabrikam]],
    ['organizations', {}, [contoso, fabrikam], [consumers]],
    ['organizations', { allowedTenants: [contoso] }, [contoso], [fabrikam, consumers]],
    ['consumers', {}, [consumers], [contoso]],
    [contoso, {}, [contoso], [fabrikam, consumers]]
  ] as const) {
    const op = await entra(t, tenant)
    const created = provider(t, op, { tenant, ...options })
    for (const tid of accepted) {
      from(op, tid)
      const tokens = await obtain(created)
      t.match(tokens.account, { issuer: `${op.origin}/${tid}/v2.0`, subject: 'alice', claims: { tid, oid: 'oid-1' } }, `${tenant}: ${tid}`)
      const { account } = tokens
      t.match(await created.refresh({ refreshToken: 'rt-1', ...account !== undefined && { account } }), { account: { issuer: account?.issuer } })
    }
    for (const tid of refused) {
      from(op, tid)
      await fails(t, obtain(created), invalid, `${tenant}: not ${tid}`)
    }
  }
})

t.test('seed C: MicrosoftProvider: an issuer and a tid that do not belong together', async (t) => {
  for (const tenant of ['common', 'organizations', 'consumers', contoso]) {
    const op = await entra(t, tenant)
    const created = provider(t, op, { tenant })
    const own = tenant === 'consumers' ? consumers : contoso
    for (const [name, tid, iss] of [
      ['of another directory', own, `${op.origin}/${fabrikam}/v2.0`],
      ['of another place', own, `https://evil.example/${own}/v2.0`],
      ['the template', own, `${op.origin}/{tenantid}/v2.0`],
      ['the tenant of the request', own, `${op.origin}/common/v2.0`],
      ['version 1', own, `https://sts.windows.net/${own}/`],
      ['no tid', undefined, `${op.origin}/${own}/v2.0`],
      ['a tid that is a path', `${own}/../${own}`, `${op.origin}/${own}/../${own}/v2.0`],
      ['a tid that is a template', '{tenantid}', `${op.origin}/{tenantid}/v2.0`],
      ['a list', [own], `${op.origin}/${own}/v2.0`],
      ['capitals', own.toUpperCase(), `${op.origin}/${own.toUpperCase()}/v2.0`]
    ] as const) {
      from(op, tid, iss)
      await fails(t, obtain(created), invalid, `${tenant}: ${name}`)
    }
  }
  const op = await entra(t, 'common')
  const created = provider(t, op, { tenant: 'common' })
  from(op, contoso)
  const { account } = await obtain(created)
  from(op, fabrikam)
  await fails(t, created.refresh({ refreshToken: 'rt-1', ...account !== undefined && { account } }), invalid, 'B13: the same sub of another directory')
  from(op, contoso)
  op.idToken.key = (await generateKeyPair('RS256')).privateKey
  await fails(t, obtain(created), invalid, 'a tid that was not signed')
})

t.test('seed C: MicrosoftProvider: a key signs for the issuer that it is for', async (t) => {
  const op = await entra(t, 'common')
  from(op, contoso)
  for (const [issuer, accepted] of [
    [undefined, true], [`${op.origin}/{tenantid}/v2.0`, true], [`${op.origin}/${contoso}/v2.0`, true],
    [`${op.origin}/${consumers}/v2.0`, false], ['https://evil.example/{tenantid}/v2.0', false], ['', false], [7, false]
  ] as const) {
    op.overrides.jwks = changing((body) => ({ keys: (body['keys'] as object[]).map((key) => ({ ...key, issuer })) }))
    const created = provider(t, op, { tenant: 'common' })
    if (accepted) t.ok(await obtain(created), String(issuer))
    else await fails(t, obtain(created), invalid, String(issuer))
  }
  // Two directories, whose keys have the same id.
  const other = await hostile(t)
  const { body } = await fetch(`${other.issuer}/jwks`).then(async (response) => ({ body: await response.json() as { keys: object[] } }))
  op.overrides.jwks = changing(({ keys }) => ({
    keys: [...body.keys.map((key) => ({ ...key, issuer: `${op.origin}/${fabrikam}/v2.0` })), ...(keys as object[]).map((key) => ({ ...key, issuer: `${op.origin}/${contoso}/v2.0` }))]
  }))
  const created = provider(t, op, { tenant: 'common' })
  t.ok(await obtain(created))
  from(op, fabrikam)
  await fails(t, obtain(created), invalid, 'the key of one for the other')
})

t.test('seed C: MicrosoftProvider: the document is that of the tenant', async (t) => {
  for (const [tenant, issuer] of [['common', contoso], ['organizations', 'common'], ['consumers', '{tenantid}'], [contoso, fabrikam], [contoso, '{tenantid}']] as const) {
    const op = await entra(t, tenant)
    op.metadata.issuer = `${op.origin}/${issuer}/v2.0`
    await fails(t, authorize(provider(t, op, { tenant })), invalid, `${tenant}: ${issuer}`)
  }
})

t.test('B10: should Microsoft send iss, it is that of an accepted directory', async (t) => {
  const op = await entra(t, 'organizations')
  const created = provider(t, op, { tenant: 'organizations', allowedTenants: [contoso] })
  for (const [iss, accepted] of [
    [`${op.origin}/${contoso}/v2.0`, true], [`${op.origin}/{tenantid}/v2.0`, true], [`${op.origin}/${fabrikam}/v2.0`, false], [`${op.origin}/${consumers}/v2.0`, false],
    [`${op.origin}/organizations/v2.0`, false], [`https://evil.example/${contoso}/v2.0`, false], ['', false]
  ] as const) {
    const answer = created.authorizationResponse(new URLSearchParams({ code: 'c', state, iss }), { state })
    if (accepted) t.match(await answer, { type: 'code' }, iss)
    else await fails(t, answer, 'CONSENTRY_ERR_ISSUER_MISMATCH', iss)
  }
})

t.test('seed C: MicrosoftProvider: scopes in its spelling, and those that it does not list', async (t) => {
  const op = await entra(t, 'common')
  from(op, contoso)
  const created = provider(t, op, { tenant: 'common', scopes: ['openid', 'Team.ReadBasic.All'] })
  for (const [asked, sent, scopes] of [
    [['openid', 'email', 'User.Read', 'offline_access'], 'User.Read', ['User.Read', 'openid', 'email', 'offline_access']],
    [['https://graph.microsoft.com/User.Read'], 'User.Read profile', ['https://graph.microsoft.com/User.Read', 'profile']],
    [['user.read'], 'https://graph.microsoft.com/User.Read', ['user.read']],
    [['User.Read', 'Mail.Read'], 'https://graph.microsoft.com/User.Read', ['User.Read']],
    [['api://orders/.default'], 'api://orders/read', ['api://orders/read', 'api://orders/.default']],
    [['openid'], undefined, undefined]
  ] as const) {
    op.overrides.token = changing((body) => ({ ...body, scope: sent }))
    t.same((await obtain(created, { scopes: asked })).scopes, scopes, asked.join(' '))
  }
  op.overrides.token = changing((body) => ({ ...body, scope: 'User.Read', refresh_token: undefined }))
  t.same((await obtain(created, { scopes: ['User.Read', 'offline_access'] })).scopes, ['User.Read'], 'no refresh token, no offline_access')
  t.same((await created.refresh({ refreshToken: 'rt-1', scopes: ['User.Read', 'offline_access'] })).scopes, ['User.Read', 'offline_access'], 'the old one stays')
  const { coveredScopes = {} } = created
  t.ok(coveredScopes['User.Read']?.includes('https://graph.microsoft.com/User.Read') && coveredScopes['https://graph.microsoft.com/User.Read']?.includes('User.Read'))
  t.ok(coveredScopes['https://graph.microsoft.com/Mail.ReadWrite']?.includes('Mail.Read'))
  t.same(coveredScopes['Team.ReadBasic.All'], ['https://graph.microsoft.com/Team.ReadBasic.All'], 'one of the options')
  t.notOk('openid' in coveredScopes)
})

t.test('seed C: MicrosoftProvider: what is asked, told, ended', async (t) => {
  const op = await entra(t, 'common')
  from(op, contoso)
  const created = provider(t, op, { tenant: 'common' })
  t.match(created, { label: 'Microsoft', host: new URL(op.origin).host, issuer: `${op.origin}/{tenantid}/v2.0`, loginHintClaim: 'preferred_username', defaultScopes: ['openid', 'profile', 'email'] })
  const request = { redirectUri, state, nonce, codeVerifier, scopes: ['User.Read'] }
  const asked = async (more: object) => (await created.authorizationUrl({ ...request, ...more })).searchParams.get('scope')
  t.equal(await asked({}), 'openid User.Read')
  t.equal(await asked({ refreshToken: 'wanted' }), 'openid User.Read offline_access')
  t.equal(await asked({ refreshToken: 'held', scopes: ['offline_access'] }), 'openid offline_access')
  const tokens = await obtain(created)
  t.same(await created.userInfo(tokens), tokens.account)
  t.equal(op.ledger.requests.userinfo.length, 0)
  t.equal(await created.revoke(tokens), false)
  t.equal((await created.endSessionUrl?.({ postLogoutRedirectUri: 'https://app.example/', state: 's' }))?.pathname, '/logout')
  t.notOk('logoutToken' in created)
  t.match(microsoft({ tenant: contoso.toUpperCase(), clientId: 'c' }), { host: 'login.microsoftonline.com', issuer: `https://login.microsoftonline.com/${contoso}/v2.0` })
})

t.test('T17: tenants that are none', (t) => {
  const create = (options: Record<string, unknown>) => () => microsoft({ tenant: 'common', clientId: 'c', ...options })
  t.ok(create({ authority: 'https://login.microsoftonline.us', allowedTenants: [contoso] })())
  for (const options of [
    { tenant: undefined }, { tenant: '' }, { tenant: 'contoso.onmicrosoft.com' }, { tenant: 'common/..' }, { tenant: '{tenantid}' }, { allowedTenants: [] }, { allowedTenants: ['contoso'] },
    { allowedTenants: [contoso.toUpperCase()] }, { tenant: contoso, allowedTenants: [contoso] }, { tenant: 'consumers', allowedTenants: [consumers] },
    { tenant: 'organizations', allowedTenants: [contoso, consumers] }, { authority: 'https://login.microsoftonline.com/' }, { authority: 'http://login.microsoftonline.com' }
  ]) {
    t.throws(create(options), { code: 'CONSENTRY_ERR_OPTIONS_INVALID' }, JSON.stringify(options))
  }
  t.end()
})
