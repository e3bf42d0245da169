import { ConsentryError } from '@consentry/core'
import t from 'tap'
import { accountAt, at } from '../src/account.ts'

const issuer = 'https://v.example'

t.test('values by their place, own members alone', async (t) => {
  const json = { data: { id: 7, list: ['a'] } }
  t.equal(at(json, 'data.id'), 7)
  for (const path of ['id', 'data.id.x', 'data.constructor', '__proto__', 'data.__proto__.x', 'toString']) t.equal(at(json, path), undefined, `T15: ${path}`)
  t.equal(at(null, 'a'), undefined)
  t.equal(at('text', 'length'), undefined)
})

t.test('the id may be a number, nested, or of several parts', async (t) => {
  t.equal(accountAt({ id: 7 }, issuer, { subject: 'id' }).subject, '7')
  t.equal(accountAt({ data: { id: 'a' } }, issuer, { subject: 'data.id' }).subject, 'a')
  t.equal(accountAt({ team: 'T1', user: 7 }, issuer, { subject: ['team', 'user'] }).subject, 'T1:7')
  t.equal(accountAt({ url: 'x/a/b' }, issuer, { subject: (json) => String(at(json, 'url')).split('/').slice(-2) }).subject, 'a:b')
})

t.test('B1: no account without an id', async (t) => {
  for (const id of [undefined, null, '', ' ', 1.5, 2 ** 60, Number.NaN, true, {}, ['a'], 'a\nb', 'a'.repeat(256)]) {
    t.throws(() => accountAt({ id, other: 'x' }, issuer, { subject: 'id' }), { code: 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID' }, JSON.stringify(id))
    t.throws(() => accountAt({ id, other: 'x' }, issuer, { subject: ['other', 'id'] }), { code: 'CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID' }, JSON.stringify(id))
  }
  for (const subject of [[], () => [], ['a', 'a']] as const) t.throws(() => accountAt({ a: 'a'.repeat(200) }, issuer, { subject }), ConsentryError)
})

t.test('claims by their standard names, and nothing else', async (t) => {
  const { claims } = accountAt({ id: 1, user: { mail: 'a@example.com', none: null }, secret: 'at-1' }, issuer, { subject: 'id', claims: { email: 'user.mail', name: 'user.name', picture: 'user.none' } })
  t.strictSame(claims, { email: 'a@example.com' })
})
