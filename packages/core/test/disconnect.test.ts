import t from 'tap'
import { ConsentryError } from '../src/errors.ts'
import type { TokenSet } from '../src/grant.ts'
import { memoryTokens } from '../src/memory-tokens.ts'
import type { TokenStore } from '../src/ports.ts'
import { account, alice, answer, codeOf, createWorld, fakeProvider, grantOf, keyOf, minute, question, rest, type World } from './world.ts'

const key = keyOf(alice)
const work = keyOf(alice, 'github', 'work')
const read = { scopes: ['read'] }
const start = 1_700_000_000_000

/** A provider at which one token ends all of an account. */
const sweeping = () => Object.assign(fakeProvider(), { revokesAll: true })

async function stepUp (world: World, subject: string): Promise<string> {
  world.github.onExchange = (scopes) => ({ accessToken: 'foreign', tokenType: 'bearer', refreshToken: 'foreign', scopes, account: account(subject) })
  return answer(world, (await world.grants.prepare(key, { scopes: ['write'] })).id)
}

t.test('where one token ends all of an account, a wrong click in one profile costs no other', async (t) => {
  const world = createWorld({ github: sweeping() })
  await world.tokens.save(key, grantOf(), undefined)
  await world.tokens.save(work, grantOf({ account: account('other') }), undefined)
  t.equal(await stepUp(world, 'other'), 'account_mismatch')
  t.same(world.github.revoked, [])
  const plain = createWorld()
  await plain.tokens.save(key, grantOf(), undefined)
  t.equal(await stepUp(plain, 'other'), 'account_mismatch')
  t.same(plain.github.revoked, ['foreign'], 'elsewhere it is given back')
})

t.test('where one token ends all of an account, the last profile of it is the one that is revoked', async (t) => {
  const world = createWorld({ github: sweeping() })
  await world.tokens.save(key, grantOf({ accessToken: 'first' }), undefined)
  await world.tokens.save(work, grantOf({ accessToken: 'second' }), undefined)
  t.same(await world.grants.disconnect(key), { revoked: false })
  t.same(world.github.revoked, [])
  t.same(await world.grants.disconnect(work), { revoked: true })
  t.same(world.github.revoked, ['second'])
})

t.test('an access token that is over is renewed before it is revoked, and what has ended needs no end', async (t) => {
  const world = createWorld()
  await world.tokens.save(key, grantOf({ expiresAt: start }), undefined)
  t.same(await world.grants.disconnect(key), { revoked: true })
  t.same(world.github.revoked, ['access-1'])
  await world.tokens.save(key, grantOf({ expiresAt: start }), undefined)
  world.github.onRefresh = () => { throw new ConsentryError('CONSENTRY_ERR_REAUTH_REQUIRED') }
  t.same(await world.grants.disconnect(key), { revoked: true })
  await world.tokens.save(key, grantOf({ expiresAt: start }), undefined)
  world.github.onRefresh = () => { throw new ConsentryError('CONSENTRY_ERR_PROVIDER_UNAVAILABLE') }
  t.same(await world.grants.disconnect(key), { revoked: true })
  t.same(world.github.revoked, ['access-1', 'stored-access'], 'the old one, for want of a new one')
})

t.test('a question held to an account that is gone is withdrawn', async (t) => {
  const world = createWorld()
  await world.tokens.save(key, grantOf(), undefined)
  const started = await world.executions.start(alice, (execution) => execution.authorize('github', { scopes: ['write'] }))
  await rest()
  const flowId = await question(world, alice, started.id)
  await world.grants.disconnect(key)
  t.match(await started.ended, { status: 'failed', error: { code: 'CONSENTRY_ERR_GRANT_REVOKED' } })
  t.match(await world.flows.find(flowId), { status: 'settled', outcome: 'cancelled' })
  world.github.onExchange = (scopes) => ({ accessToken: 'other', tokenType: 'bearer', scopes, account: account('other') })
  t.equal(await answer(world, (await world.grants.prepare(key, read)).id), 'granted', 'another account may come now')
})

t.test('a grant that is being handed out while it is disconnected ends its execution', async (t) => {
  const inner = memoryTokens()
  let between: (() => Promise<unknown>) | undefined
  const tokens: TokenStore = {
    ...inner,
    async load (key) {
      const loaded = await inner.load(key)
      const meanwhile = between
      between = undefined
      await meanwhile?.()
      return loaded
    }
  }
  const world = createWorld({ tokens })
  await world.tokens.save(key, grantOf(), undefined)
  const other = createWorld({ clock: world.clock, state: world.state, tokens: inner })
  between = async () => {
    await other.grants.disconnect(key)
    await rest()
  }
  const started = await world.executions.start(alice, async (execution) => {
    await execution.authorize('github')
    await new Promise<void>((resolve) => { execution.signal.addEventListener('abort', () => { resolve() }) })
  })
  t.match(await started.ended, { status: 'failed', error: { code: 'CONSENTRY_ERR_GRANT_REVOKED' } })
})

t.test('a grant that nobody can read is listed as such, hides no other, and can be disconnected', async (t) => {
  const inner = memoryTokens()
  const tokens: TokenStore = {
    ...inner,
    async load (key) {
      if (key.profile === 'work' && await inner.exists(key)) throw new ConsentryError('CONSENTRY_ERR_RECORD_UNREADABLE')
      return inner.load(key)
    }
  }
  const world = createWorld({ tokens })
  await inner.save(key, grantOf(), undefined)
  await inner.save(work, grantOf(), undefined)
  t.match(await world.grants.list(alice), [{ profile: 'default', status: 'active' }, { profile: 'work', status: 'unreadable', scopes: [] }])
  t.equal(await codeOf(world.grants.available(work, read)), 'CONSENTRY_ERR_RECORD_UNREADABLE')
  t.same(await world.grants.disconnect(work), { revoked: false, error: 'CONSENTRY_ERR_RECORD_UNREADABLE' })
  t.match(await world.grants.list(alice), [{ profile: 'default' }])
  t.equal(await world.grants.available(work, read), undefined, 'and the person can be asked again')
})

t.test('R4: a consent is kept when the account cannot be told at the moment', async (t) => {
  const nameless = (world: World): void => {
    world.github.onExchange = (scopes) => ({ accessToken: 'kept', tokenType: 'bearer', scopes })
  }
  const away = (): never => { throw new ConsentryError('CONSENTRY_ERR_PROVIDER_UNAVAILABLE') }
  const settle = async (world: World): Promise<string> => {
    const flow = await world.grants.prepare(key, { scopes: ['write'] })
    const outcome = answer(world, flow.id)
    for (let turn = 0; turn < 5; turn++) {
      await rest()
      await world.clock.advance(2_000)
    }
    return outcome
  }

  const passing = createWorld()
  nameless(passing)
  let failures = 2
  passing.github.onUserInfo = async () => failures-- > 0 ? away() : account()
  t.equal(await settle(passing), 'granted')
  t.equal((await passing.tokens.load(key))?.record.account?.subject, 'octocat')

  const lasting = createWorld()
  nameless(lasting)
  lasting.github.onUserInfo = async () => away()
  t.equal(await settle(lasting), 'granted')
  t.match((await lasting.tokens.load(key))?.record, { accessToken: 'kept', account: undefined })
  t.same(lasting.github.revoked, [])

  const pinned = createWorld()
  nameless(pinned)
  pinned.github.onUserInfo = async () => away()
  await pinned.tokens.save(key, grantOf({ expiresAt: start + 24 * 60 * minute }), undefined)
  t.equal(await settle(pinned), 'provider_error', 'unless it has to be a certain one')
  t.equal((await pinned.tokens.load(key))?.record.accessToken, 'stored-access')
  t.same(pinned.github.revoked, ['kept'])
})

t.test('B13: an account that is told in two ways is none', async (t) => {
  const world = createWorld()
  world.github.onUserInfo = async () => { throw new ConsentryError('CONSENTRY_ERR_PROVIDER_RESPONSE_INVALID') }
  t.equal(await answer(world, (await world.grants.prepare(key, read)).id), 'provider_error')
  t.equal(await world.tokens.exists(key), false)
  t.same(world.github.revoked, ['access-1'])
})

t.test('onReauthRequired that throws is logged and changes nothing', async (t) => {
  const world = createWorld({ onReauthRequired: () => { throw new Error('no mail server') } })
  await world.tokens.save(key, grantOf({ expiresAt: start }), undefined)
  world.github.onRefresh = () => { throw new ConsentryError('CONSENTRY_ERR_REAUTH_REQUIRED') }
  t.equal(await world.grants.available(key, read), undefined)
  t.match(world.errors, [{ message: 'no mail server' }])
})

t.test('the same is not asked of who has just left it out, whatever the clock does, and of nobody else', async (t) => {
  const world = createWorld()
  world.github.onExchange = () => ({ accessToken: 'less', tokenType: 'bearer', scopes: ['read'], account: account() })
  await answer(world, (await world.grants.prepare(key, { scopes: ['read', 'write'] })).id)
  const ask = (scopes: string[]): Promise<string> => codeOf(world.grants.prepare(key, { scopes }))
  t.equal(await ask(['read', 'write']), 'CONSENTRY_ERR_SCOPES_MISSING')
  t.equal(await ask(['read']), 'none', 'what is there can be asked for again')
  await world.clock.step(-60 * minute)
  t.equal(await ask(['read', 'write']), 'none')
})

t.test('executions end before the provider is asked, which may hang', async (t) => {
  const world = createWorld()
  await world.tokens.save(key, grantOf(), undefined)
  let release: (() => void) | undefined
  world.github.revoke = () => new Promise((resolve) => { release = () => { resolve(true) } })
  const started = await world.executions.start(alice, async (execution) => {
    await execution.authorize('github')
    await new Promise<void>((resolve) => { execution.signal.addEventListener('abort', () => { resolve() }) })
  })
  await rest()
  const disconnected = world.grants.disconnect(key)
  t.match(await started.ended, { error: { code: 'CONSENTRY_ERR_GRANT_REVOKED' } })
  release?.()
  t.same(await disconnected, { revoked: true })
})

t.test('what is deleted is what is revoked, also when a refresh comes in between', async (t) => {
  const inner = memoryTokens()
  let meddle = true
  const tokens: TokenStore = {
    ...inner,
    async delete (key, expected) {
      if (meddle) {
        meddle = false
        await inner.save(key, grantOf({ accessToken: 'newer' }), (await inner.load(key))?.version)
      }
      return inner.delete(key, expected)
    }
  }
  const world = createWorld({ tokens })
  await inner.save(key, grantOf({ accessToken: 'older' }), undefined)
  await world.grants.disconnect(key)
  t.same(world.github.revoked, ['newer'])
})

t.test('a scope that covers another serves it, and nobody is asked', async (t) => {
  const world = createWorld({ github: Object.assign(fakeProvider(), { coveredScopes: { repo: ['public_repo'] } }) })
  await world.tokens.save(key, grantOf({ scopes: ['repo'] }), undefined)
  t.equal(await world.grants.check(key, { scopes: ['public_repo'] }), 'skip_auth')
  t.same((await world.grants.available(key, { scopes: ['public_repo'] }))?.missingScopes, [])
  t.equal(await world.grants.check(key, { scopes: ['gist'] }), 'do_auth')
})

for (const held of [true, false]) {
  t.test(`a disconnect during an exchange wins, ${held ? 'of more for a grant' : 'of a first one'}: what comes is given back`, async (t) => {
    const world = createWorld()
    if (held) await world.tokens.save(key, grantOf(), undefined)
    const started = await world.executions.start(alice, (execution) => execution.authorize('github', { scopes: ['write'] }))
    await rest()
    const flowId = await question(world, alice, started.id)
    let outcome: Promise<string> | undefined
    const release = await new Promise<(tokens: TokenSet) => void>((exchanging) => {
      world.github.onExchange = () => new Promise((resolve) => { exchanging(resolve) })
      outcome = answer(world, flowId)
    })
    t.same(await world.grants.disconnect(key), { revoked: held })
    release({ accessToken: 'late', tokenType: 'bearer', scopes: ['write'], account: account() })
    t.equal(await outcome, 'cancelled')
    t.equal(await world.tokens.exists(key), false)
    t.same(world.github.revoked, held ? ['stored-access', 'late'] : ['late'])
    t.match(await world.flows.find(flowId), { status: 'settled', outcome: 'cancelled' })
    t.match(await started.ended, { status: 'failed', error: { code: 'CONSENTRY_ERR_GRANT_REVOKED' } })
  })
}

for (const [moment, before] of [['just before', true], ['just after', false]] as const) {
  t.test(`a disconnect ${moment} the save of an exchange: nothing stays, and nothing stays valid`, async (t) => {
    const inner = memoryTokens()
    let meanwhile: (() => Promise<unknown>) | undefined
    const once = async (): Promise<void> => {
      const fn = meanwhile
      meanwhile = undefined
      await fn?.()
    }
    const tokens: TokenStore = {
      ...inner,
      async save (...grant) {
        if (before) await once()
        const version = await inner.save(...grant)
        await once()
        return version
      }
    }
    const world = createWorld({ tokens })
    const other = createWorld({ clock: world.clock, state: world.state, tokens: inner, github: world.github })
    meanwhile = () => other.grants.disconnect(key)
    t.equal(await answer(world, (await world.grants.prepare(key, read)).id), 'cancelled')
    t.equal(await inner.exists(key), false)
    t.same(world.github.revoked, ['access-1'])
  })
}
