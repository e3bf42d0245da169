import t from 'tap'
import { isAllowed, runtimeLicenses } from '../licenses.mjs'

t.test('a choice of licences has one that is allowed, a sum has nothing else', async (t) => {
  for (const license of ['MIT', '(MIT OR GPL-3.0-only)', 'MIT AND ISC']) t.ok(isAllowed(license), license)
  for (const license of ['GPL-3.0-only', 'MIT AND GPL-3.0-only', 'AGPL-3.0-only OR GPL-3.0-only', 'not said', '']) t.notOk(isAllowed(license), license)
})

t.test('everything that the packages need to run may be used so', async (t) => {
  const found = await runtimeLicenses()
  t.ok(found.length > 50, 'what they need is looked through, and what that needs')
  for (const name of ['fastify', 'ws', 'ioredis', 'jose']) t.ok(found.some((each) => each.name.startsWith(`${name}@`)), name)
  t.same(found.filter(({ license }) => !isAllowed(license)), [])
})
