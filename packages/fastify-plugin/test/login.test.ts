import { oauth2, oidc } from '@consentry/providers'
import { signIn, startHostileProvider } from '@consentry/testing'
import t from 'tap'
import { call, codeOf, startServer } from './server.ts'

t.test('seeds D: with several providers the person chooses', async (t) => {
  const server = await startServer(t)
  const { issuer } = server.op
  const several = await startServer(t, {
    options: {
      login: ['corp', 'other'],
      providers: {
        corp: oidc({ issuer, clientId: 'corp', clientSecret: 'secret-of-corp', allowInsecureLoopback: true }),
        other: oidc({ issuer, clientId: 'other', label: 'Other <b>Ltd</b>', allowInsecureLoopback: true })
      }
    }
  })
  const browser = await several.browser()
  const page = await browser.open(`${several.url}/auth/login?return_to=/where`)
  t.equal(page.status, 200)
  t.notMatch(page.text, '<b>', 'T9 a label is text')
  const chosen = await browser.open(new URL(/href="([^"]*login\/other[^"]*)"/.exec(page.text)?.[1] ?? '', several.url), { stopAt: (url) => url.origin === issuer })
  t.equal(new URL(chosen.next ?? '').searchParams.get('client_id'), 'other')
})

t.test('a provider may start a sign-in (OpenID Connect Core section 4)', async (t) => {
  const server = await startServer(t, { routes: (app) => { app.get('/inbox', { config: { auth: true } }, async (_request, reply) => reply.type('text/html').send('<title>Inbox</title>')) } })
  const browser = await server.browser()
  const start = (parameters: Record<string, string>): string => `${server.url}/auth/login?${new URLSearchParams(parameters).toString()}`
  const hinted = await browser.open(start({ iss: server.op.issuer, login_hint: 'alice', target_link_uri: `${server.url}/inbox` }), { stopAt: (url) => url.origin === server.op.issuer })
  t.equal(new URL(hinted.next ?? '').searchParams.get('login_hint'), 'alice')
  t.equal((await signIn(await hinted.follow(), 'alice')).title, 'Inbox')

  const posted = await fetch(`${server.url}/auth/login`, { method: 'POST', redirect: 'manual', headers: { origin: server.op.issuer, 'sec-fetch-site': 'cross-site' }, body: new URLSearchParams({ iss: server.op.issuer }) })
  t.equal(posted.status, 303)
  t.match(posted.headers.get('location'), /^\/auth\/login\/corp\?/)

  const anonymous = await server.browser()
  await anonymous.open(`${server.url}/`)
  for (const [parameters, code] of [
    [{ iss: 'https://evil.example' }, 'PROVIDER_UNKNOWN'],
    [{ iss: `${server.op.issuer}/` }, 'PROVIDER_UNKNOWN'],
    [{ iss: server.op.issuer, target_link_uri: 'https://evil.example/' }, 'RETURN_TO_INVALID'],
    [{ iss: server.op.issuer, target_link_uri: `${server.url}.evil.example/` }, 'RETURN_TO_INVALID'],
    [{ iss: server.op.issuer, target_link_uri: `${server.url}//evil.example/` }, 'RETURN_TO_INVALID'],
    [{ iss: server.op.issuer, login_hint: 'a\r\nb' }, 'MESSAGE_INVALID']
  ] as const) t.equal(codeOf(await call(anonymous, server, start(parameters))), `CONSENTRY_ERR_${code}`, JSON.stringify(parameters))
})

t.test('B1 B7 who signs in is the account, not the e-mail it names', async (t) => {
  const op = await startHostileProvider()
  t.teardown(() => op.close())
  const server = await startServer(t, { options: {
    providers: {
      corp: oauth2({
        clientId: 'client',
        clientSecret: 'secret',
        authorizationEndpoint: `${op.issuer}/authorize`,
        tokenEndpoint: `${op.issuer}/token`,
        userinfoEndpoint: `${op.issuer}/userinfo`,
        issuer: op.issuer,
        subjectClaim: 'id',
        allowInsecureLoopback: true
      })
    }
  } })
  const userIds: string[] = []
  for (const account of [{ id: 1, email: 'alice@example.com' }, { id: 666, email: 'alice@example.com' }, { id: 7, email: null }]) {
    op.overrides.userinfo = () => ({ body: account })
    const browser = await server.browser()
    await browser.open(`${server.url}/auth/login`)
    const { userId, subject } = (await call(browser, server, '/auth/userinfo')).json<{ userId: string, subject: string }>()
    t.equal(subject, String(account.id))
    userIds.push(userId)
  }
  t.equal(new Set(userIds).size, 3)
})
