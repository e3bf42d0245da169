import t from 'tap'
import { ConsentryError } from '../src/errors.ts'
import type { AuthenticateOptions } from '../src/grants.ts'
import type { TokenStore } from '../src/ports.ts'
import { memoryTokens } from '../src/memory-tokens.ts'
import { account, alice, answer, bob, codeOf, createWorld, denial, grantOf, keyOf, lifetime, minute, rest, type World } from './world.ts'

const key = keyOf(alice)
const read = { scopes: ['read'] }
const write = { scopes: ['write'] }

/** Waits for a grant as one who can be seen. */
function ask (world: World, requirement = read, options: Partial<AuthenticateOptions> = {}, id = 'w') {
  const asked: string[] = []
  const outcomes: string[] = []
  const granted = world.grants.authenticate(key, requirement, {
    waiter: { id },
    onRequired: (flow) => { asked.push(flow.id) },
    onResolved: ({ outcome }) => { outcomes.push(outcome) },
    ...options
  })
  granted.catch(() => {})
  return { asked, outcomes, granted }
}

async function stored (world: World): Promise<string> {
  return JSON.stringify(await world.tokens.load(key))
}

t.test('a stored grant is used without asking anybody', async (t) => {
  const world = createWorld()
  await world.tokens.save(key, grantOf(), undefined)
  const { asked, granted } = ask(world)
  t.equal(await (await granted).accessToken(), 'stored-access')
  t.same(asked, [])
  t.equal(await world.grants.check(key, read), 'skip_auth')
  t.equal(await (await world.grants.available(key, read))?.accessToken(), 'stored-access')
  t.equal(await world.flows.pending(key), undefined)
})

t.test('asks, waits and goes on; what was granted is what is stored', async (t) => {
  const world = createWorld()
  t.equal(await world.grants.check(key, read), 'no_session')
  t.equal(await world.grants.available(key, read), undefined)
  const { asked, outcomes, granted } = ask(world)
  await rest()
  t.equal(asked.length, 1)
  t.equal(await world.grants.check(key, read), 'pending_resolve')
  t.equal(await answer(world, asked[0] as string), 'granted')
  const grant = await granted
  t.same([grant.provider, grant.profile, grant.scopes, grant.account], ['github', 'default', ['read'], { issuer: 'https://github.com', subject: 'octocat', email: 'octocat@example.com' }])
  t.same(outcomes, ['granted'])
  t.equal(await world.flows.pending(key), undefined)
  t.same(await world.grants.list(alice), [{
    provider: 'github', profile: 'default', scopes: ['read'], account: grant.account, status: 'active', createdAt: '2023-11-14T22:13:20.000Z', updatedAt: '2023-11-14T22:13:20.000Z'
  }])
  t.same(await world.grants.list(bob), [])
})

t.test('B13, seed E: states: a step-up that is declined, expires, is cancelled, fails or brings another account leaves the grant byte for byte', async (t) => {
  const failures: Record<string, (world: World, id: string, abort: AbortController) => Promise<unknown>> = {
    CONSENTRY_ERR_CONSENT_DENIED: (world, id) => answer(world, id, denial),
    CONSENTRY_ERR_FLOW_EXPIRED: (world) => world.clock.advance(lifetime + minute),
    CONSENTRY_ERR_FLOW_CANCELLED: async (_world, _id, abort) => abort.abort(),
    CONSENTRY_ERR_FLOW_SUPERSEDED: (world, id) => world.flows.withdraw(id, 'superseded'),
    CONSENTRY_ERR_PROVIDER_REFUSED: (world, id) => answer(world, id, { type: 'error', error: 'invalid_scope' }),
    CONSENTRY_ERR_PROVIDER_UNAVAILABLE: (world, id) => {
      world.github.onExchange = () => { throw new Error('socket hang up, secret text') }
      return answer(world, id)
    },
    CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID: (world, id) => {
      world.github.onExchange = () => { throw new ConsentryError('CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID') }
      return answer(world, id)
    },
    CONSENTRY_ERR_ACCOUNT_MISMATCH: (world, id) => {
      world.github.onExchange = (scopes) => ({ accessToken: 'foreign', tokenType: 'bearer', refreshToken: 'foreign', scopes, account: account('someone-else') })
      return answer(world, id)
    }
  }
  for (const [expected, fail] of Object.entries(failures)) {
    const world = createWorld()
    await world.tokens.save(key, grantOf({ expiresAt: 1_700_000_000_000 + 24 * 60 * minute }), undefined)
    const before = await stored(world)
    const abort = new AbortController()
    const { asked, outcomes, granted } = ask(world, write, { signal: abort.signal })
    await rest()
    t.same((await world.flows.find(asked[0] as string))?.scopes, ['read', 'write'], 'what was granted before is asked for again')
    await fail(world, asked[0] as string, abort)
    t.equal(await codeOf(granted), expected)
    t.equal(outcomes.length, 1)
    t.equal(await stored(world), before)
    t.equal(await world.flows.pending(key), undefined)
    t.equal(await world.grants.check(key, read), 'skip_auth')
    if (expected === 'CONSENTRY_ERR_ACCOUNT_MISMATCH') t.same(world.github.revoked, ['foreign'], 'what is not kept is revoked')
  }
})

t.test('B13: an account that the provider does not name is no proof', async (t) => {
  const world = createWorld()
  await world.tokens.save(key, grantOf(), undefined)
  world.github.onExchange = (scopes) => ({ accessToken: 'nameless', tokenType: 'bearer', scopes })
  const { asked, granted } = ask(world, write)
  await rest()
  t.equal(await answer(world, asked[0] as string), 'account_mismatch')
  t.equal(await codeOf(granted), 'CONSENTRY_ERR_ACCOUNT_MISMATCH')
})

t.test('B13: the account is asked of userinfo when the token answer has none', async (t) => {
  const world = createWorld()
  await world.tokens.save(key, grantOf(), undefined)
  world.github.onExchange = (scopes) => ({ accessToken: 'nameless', tokenType: 'bearer', scopes })
  world.github.onUserInfo = async () => account()
  const { asked, granted } = ask(world, write)
  await rest()
  t.equal(await answer(world, asked[0] as string), 'granted')
  t.same((await granted).scopes, ['read', 'write'])
  t.equal((await world.tokens.load(key))?.record.refreshToken, 'stored-refresh', 'what the answer leaves out stays')
})

t.test('B13: a named account other than the one that is connected is refused before anybody is asked', async (t) => {
  const world = createWorld()
  await world.tokens.save(key, grantOf(), undefined)
  const { asked, granted } = ask(world, { ...read, account: account('someone-else') } as typeof read)
  t.equal(await codeOf(granted), 'CONSENTRY_ERR_ACCOUNT_MISMATCH')
  t.same(asked, [])
  t.equal(await world.flows.pending(key), undefined)
})

t.test('B13: a grant that ended is reconnected with the same account only', async (t) => {
  const world = createWorld()
  await world.tokens.save(key, grantOf({ endedAt: 1 }), undefined)
  t.equal(await world.grants.check(key, read), 'do_auth')
  t.same((await world.grants.list(alice)).map(({ status }) => status), ['ended'])
  const before = await stored(world)
  const first = ask(world)
  await rest()
  world.github.onExchange = () => ({ accessToken: 'x', tokenType: 'bearer', account: account('someone-else') })
  await answer(world, first.asked[0] as string)
  t.equal(await codeOf(first.granted), 'CONSENTRY_ERR_ACCOUNT_MISMATCH')
  t.equal(await stored(world), before)
  const second = ask(world)
  await rest()
  world.github.onExchange = () => ({ accessToken: 'back', tokenType: 'bearer', account: account() })
  await answer(world, second.asked[0] as string)
  t.equal(await (await second.granted).accessToken(), 'back')
  t.equal((await world.tokens.load(key))?.record.endedAt, undefined)
})

t.test('seed E: granted less than was asked for: told, and not asked again', async (t) => {
  const world = createWorld()
  world.github.onExchange = () => ({ accessToken: 'a', tokenType: 'bearer', scopes: ['read'], account: account() })
  const { asked, granted } = ask(world, { scopes: ['read', 'write'] })
  await rest()
  await answer(world, asked[0] as string)
  t.equal(await codeOf(granted), 'CONSENTRY_ERR_SCOPES_MISSING')
  t.equal(asked.length, 1)
  const { record } = (await world.tokens.load(key)) ?? { record: grantOf() }
  t.same([record.scopes, record.requestedScopes], [['read'], ['read', 'write']], 'stored is what was granted')
})

t.test('a token that is expired from the start, and cannot be renewed, ends the waiting with an error', async (t) => {
  const world = createWorld()
  world.github.onExchange = (scopes) => ({ accessToken: 'a', tokenType: 'bearer', expiresIn: 0, scopes, account: account() })
  const { asked, granted } = ask(world)
  await rest()
  await answer(world, asked[0] as string)
  t.equal(await codeOf(granted), 'CONSENTRY_ERR_REAUTH_REQUIRED')
  t.equal(asked.length, 1)
})

t.test('a waiter that joined too narrow a flow asks again by itself', async (t) => {
  const world = createWorld()
  const narrow = ask(world, read, {}, 'narrow')
  await rest()
  await world.flows.open(await world.flows.pending(key) as never)
  const wide = ask(world, write, {}, 'wide')
  await rest()
  t.same(wide.asked, narrow.asked, 'joins what is already in the browser')
  await answer(world, narrow.asked[0] as string)
  t.same((await narrow.granted).scopes, ['read'])
  await rest()
  t.equal(wide.asked.length, 2)
  t.same((await world.flows.pending(key))?.scopes, ['read', 'write'])
  await answer(world, wide.asked[1] as string)
  t.same((await wide.granted).scopes, ['read', 'write'])
})

t.test('a waiter that joined a flow for another account is told so', async (t) => {
  const world = createWorld()
  const any = ask(world, read, {}, 'any')
  await rest()
  const named = ask(world, { ...read, account: account('someone-else') } as typeof read, {}, 'named')
  await rest()
  await answer(world, any.asked[0] as string)
  t.equal((await any.granted).account?.subject, 'octocat')
  t.equal(await codeOf(named.granted), 'CONSENTRY_ERR_ACCOUNT_MISMATCH')
})

t.test('a waiter for any account that joined a flow for one is asked again when that was not it', async (t) => {
  const world = createWorld()
  const named = ask(world, { ...read, account: account('someone-else') } as typeof read, {}, 'named')
  await rest()
  const any = ask(world, read, {}, 'any')
  await rest()
  t.equal(await answer(world, named.asked[0] as string), 'account_mismatch')
  t.equal(await codeOf(named.granted), 'CONSENTRY_ERR_ACCOUNT_MISMATCH')
  await rest()
  t.same(any.asked.length, 2)
  t.equal(await answer(world, any.asked[1] as string), 'granted')
  t.equal((await any.granted).account?.subject, 'octocat')
})

t.test('another profile of a connected provider lets the person choose the account; a reconnect names it', async (t) => {
  const world = createWorld()
  await world.tokens.save(key, grantOf({ refreshToken: 'held' }), undefined)
  const other = ask(world, read, {}, 'other')
  t.equal(other.asked.length, 0)
  const flow = await world.grants.prepare(keyOf(alice, 'github', 'work'), read)
  t.match(flow, { prompt: 'select_account', refreshToken: 'wanted', loginHint: undefined })
  t.match(await world.grants.prepare(key, write), { prompt: undefined, refreshToken: 'held', loginHint: 'octocat@example.com' })
})

t.test('R14: an outage of the provider is never turned into a question', async (t) => {
  const world = createWorld()
  await world.tokens.save(key, grantOf({ expiresAt: 1 }), undefined)
  world.github.onRefresh = () => { throw new ConsentryError('CONSENTRY_ERR_PROVIDER_UNAVAILABLE') }
  const before = await stored(world)
  const { asked, granted } = ask(world)
  t.equal(await codeOf(granted), 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE')
  t.same(asked, [])
  t.equal(await stored(world), before)
  t.equal(await codeOf(world.grants.available(key, read)), 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE')
})

t.test('invalid_grant ends the grant and asks', async (t) => {
  const world = createWorld()
  await world.tokens.save(key, grantOf({ expiresAt: 1 }), undefined)
  world.github.onRefresh = () => { throw new ConsentryError('CONSENTRY_ERR_REAUTH_REQUIRED') }
  const { asked, granted } = ask(world)
  await rest()
  t.equal(asked.length, 1)
  t.ok((await world.tokens.load(key))?.record.endedAt)
  await answer(world, asked[0] as string)
  t.ok(await (await granted).accessToken())
})

t.test('R4: what was exchanged is saved although the store was away for a moment', async (t) => {
  const inner = memoryTokens()
  let failures = 0
  const tokens: TokenStore = {
    ...inner,
    save: async (...args) => {
      if (failures-- > 0) throw new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE')
      return inner.save(...args)
    }
  }
  const world = createWorld({ tokens })
  const { asked, granted } = ask(world)
  await rest()
  failures = 3
  const outcome = answer(world, asked[0] as string)
  await world.clock.advance(5_000)
  t.equal(await outcome, 'granted')
  t.ok(await granted)
  t.equal(world.github.exchanges, 1)

  const other = ask(world, write)
  await rest()
  failures = Infinity
  const lost = answer(world, other.asked[0] as string)
  await world.clock.advance(5_000)
  t.equal(await lost, 'provider_error')
  t.equal(await codeOf(other.granted), 'CONSENTRY_ERR_STORE_UNAVAILABLE', 'and told truly when it stayed away')
})

t.test('a grant that changes during the exchange is not overwritten unseen', async (t) => {
  const world = createWorld()
  const { asked, granted } = ask(world)
  await rest()
  world.github.onExchange = async () => {
    await world.tokens.save(key, grantOf({ account: account('someone-else') }), undefined)
    return { accessToken: 'late', tokenType: 'bearer', account: account() }
  }
  t.equal(await answer(world, asked[0] as string), 'account_mismatch')
  t.equal(await codeOf(granted), 'CONSENTRY_ERR_ACCOUNT_MISMATCH')
  t.equal((await world.tokens.load(key))?.record.accessToken, 'stored-access')
})

t.test('a grant that changes between the look and the save is looked at again', async (t) => {
  const inner = memoryTokens()
  let meddle = false
  const tokens: TokenStore = {
    ...inner,
    load: async (key) => {
      const loaded = await inner.load(key)
      if (meddle) {
        meddle = false
        await inner.save(key, grantOf({ account: account('someone-else') }), undefined)
      }
      return loaded
    }
  }
  const world = createWorld({ tokens })
  const { asked } = ask(world)
  await rest()
  world.github.onExchange = () => {
    meddle = true
    return { accessToken: 'late', tokenType: 'bearer', account: account() }
  }
  t.equal(await answer(world, asked[0] as string), 'account_mismatch')
})

t.test('disconnect forgets first and then revokes, and says whether the provider confirmed', async (t) => {
  const world = createWorld()
  t.equal(await world.grants.disconnect(key), undefined)
  await world.tokens.save(key, grantOf(), undefined)
  t.same(await world.grants.disconnect(key), { revoked: true })
  t.same(world.github.revoked, ['stored-access'])
  t.equal(await world.grants.check(key, read), 'no_session')
  await world.tokens.save(key, grantOf(), undefined)
  world.github.revoke = async () => { throw new ConsentryError('CONSENTRY_ERR_PROVIDER_UNAVAILABLE') }
  t.same(await world.grants.disconnect(key), { revoked: false, error: 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE' })
  t.notOk(await world.tokens.exists(key))
  t.equal(world.errors.length, 1)
})

t.test('requirements: defaults, unknown providers, no prototype properties', async (t) => {
  const { grants } = createWorld()
  t.same(grants.requirement(alice, 'github'), { key, requirement: { scopes: ['read'] } })
  t.same(grants.requirement(alice, 'github', { profile: 'work', scopes: ['a'], account: account() }).key.profile, 'work')
  for (const name of ['gitlab', '__proto__', 'constructor', 'toString']) {
    t.throws(() => grants.requirement(alice, name), { code: 'CONSENTRY_ERR_PROVIDER_UNKNOWN' })
  }
})

t.test('errors of the provider: which are passing', async (t) => {
  for (const [error, expected] of Object.entries({
    access_denied: 'CONSENTRY_ERR_CONSENT_DENIED',
    server_error: 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE',
    temporarily_unavailable: 'CONSENTRY_ERR_PROVIDER_UNAVAILABLE',
    invalid_request: 'CONSENTRY_ERR_PROVIDER_REFUSED'
  })) {
    const world = createWorld()
    const { asked, granted } = ask(world)
    await rest()
    await answer(world, asked[0] as string, { type: 'error', error })
    t.equal(await codeOf(granted), expected)
  }
})

t.test('an outcome whose writing fails is still the outcome; the waiter learns by reading', async (t) => {
  const world = createWorld()
  const { asked, granted } = ask(world)
  await rest()
  world.flows.settle = async () => { throw new ConsentryError('CONSENTRY_ERR_STORE_UNAVAILABLE') }
  t.equal(await answer(world, asked[0] as string), 'granted')
  t.equal(world.errors.length, 1)
  await world.clock.advance(minute + 30_000)
  t.ok(await granted, 'a consent that was given is not lost')
  t.equal(asked.length, 1, 'nor asked for twice')
})

t.test('seed E: prepare tells what is asked in a structure, and no sentence', async (t) => {
  const world = createWorld()
  const flow = await world.grants.prepare(key, read)
  t.match(flow, { purpose: 'connect', status: 'pending', provider: 'github', scopes: ['read'], key, standing: true })
  t.equal((await world.grants.prepare(key, read)).id, flow.id, 'and asks once')
})

t.test('seed E: session storage: what has an expiry is stored and read again as it was', async (t) => {
  const world = createWorld()
  for (const expiresAt of [1, 1_700_000_000_000, Number.MAX_SAFE_INTEGER]) {
    const record = grantOf({ expiresAt })
    const before = await world.tokens.load(key)
    await world.tokens.save(key, record, before?.version)
    t.same((await world.tokens.load(key))?.record, record)
  }
})
