import t from 'tap'
import { basic } from '../src/basic.ts'
import { fails, hostile } from './helpers.ts'

const refused = 'CONSENTRY_ERR_SECRET_REFUSED'
const check = { scopes: [] }
const password = 'canary:pässword '
const credential = Buffer.from(`alice@example.com:${password}`).toString('base64')

t.test('seed E: token forms: a user name and a password', async (t) => {
  const op = await hostile(t)
  const provider = basic({
    label: 'Tickets', probe: `${op.issuer}/userinfo`, issuer: op.issuer, usernameLabel: 'E-mail', passwordLabel: 'API token', hint: 'Profile, Security', allowInsecureLoopback: true
  })
  t.teardown(async () => provider.close?.())
  t.match(provider, {
    kind: 'form', fields: [{ name: 'username', label: 'E-mail', secret: false }, { name: 'password', label: 'API token', hint: 'Profile, Security', secret: true }]
  })
  const tokens = await provider.submit({ username: ' alice@example.com ', password }, check)
  t.same(tokens, { accessToken: credential, tokenType: 'basic', account: { issuer: op.issuer, subject: 'alice@example.com', claims: {} } })
  t.equal(op.ledger.requests.userinfo[0]?.headers.authorization, `Basic ${credential}`, 'RFC 7617, in UTF-8, the blank of the password kept')
  await provider.resourceRequest?.(tokens, new URL(`${op.issuer}/userinfo`), {}, fetch)
  t.equal(op.ledger.requests.userinfo[1]?.headers.authorization, `Basic ${credential}`)
  op.overrides.userinfo = () => ({ status: 401, headers: { 'www-authenticate': 'Basic realm="provider text"' }, body: '' })
  await fails(t, provider.submit({ username: 'alice', password }, check), refused, 'a wrong one', ['canary', credential])
})

t.test('seed E: token forms: the account is known once the provider has accepted it', async (t) => {
  const op = await hostile(t)
  op.account.id = 'u-7'
  const { host } = new URL(op.issuer)
  const options = { label: 'Tickets', allowInsecureLoopback: true }
  const values = { username: 'alice', password }
  const claimed = basic({ ...options, probe: `${op.issuer}/userinfo`, subjectClaim: 'id' })
  t.equal((await claimed.submit(values, check)).account?.subject, 'u-7', 'what the provider says counts')
  t.notOk('account' in await basic({ ...options, host }).submit(values, check), 'nobody vouches for a name that was not tried')
  await claimed.close?.()
})

t.test('seed E: token forms: what cannot be a name or a password', async (t) => {
  const provider = basic({ label: 'Tickets', host: 'tickets.example' })
  for (const values of [
    { username: 'alice', password: '' }, { username: '', password }, { username: 'a:b', password }, { username: 'a\nb', password }, { username: 'alice', password: 'canary\r\n' },
    { username: 'a'.repeat(256), password }, { username: 'alice', password: 'p'.repeat(1025) }, { username: 'alice' }, { password }
  ] satisfies Array<Record<string, string>>) {
    await fails(t, provider.submit(values, check), refused, JSON.stringify(values).slice(0, 60), ['canary'])
  }
})
