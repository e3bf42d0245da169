import t from 'tap'
import type { Execution } from '../src/execution.ts'
import { alice, answer, bob, code, createWorld, denial, keyOf, question, rest } from './world.ts'

const key = keyOf(alice)

/** Tries once for each list of scopes, and tells what each came to. */
function trying (attempts: string[][]) {
  const codes: string[] = []
  const run = async (execution: Execution): Promise<string[]> => {
    for (const scopes of attempts) {
      codes.push(await execution.authorize('github', { scopes }).then(({ scopes }) => scopes.join(), (error: { code: string }) => error.code))
    }
    return codes
  }
  return { codes, run }
}

t.test('seed A: code that tries again is told no again, and the person is not asked again', async (t) => {
  const world = createWorld()
  const { run, codes } = trying([['a'], ['a'], ['a', 'b'], ['b']])
  const started = await world.executions.start(alice, run)
  await rest()
  t.equal(await answer(world, await question(world, alice, started.id), denial), 'denied')
  await rest()
  t.same(codes, ['CONSENTRY_ERR_CONSENT_DENIED', 'CONSENTRY_ERR_CONSENT_DENIED', 'CONSENTRY_ERR_CONSENT_DENIED'])
  t.equal(await answer(world, await question(world, alice, started.id)), 'granted', 'another question is another question')
  t.equal((await started.ended).status, 'completed')
  t.equal(codes[3], 'b')
})

t.test('less than was asked for is told by name, and asked for once', async (t) => {
  const world = createWorld()
  world.github.onExchange = () => ({ accessToken: 'a', tokenType: 'bearer', scopes: ['a'] })
  const missing: unknown[] = []
  const started = await world.executions.start(alice, async (execution) => {
    for (let attempt = 0; attempt < 3; attempt++) {
      await execution.authorize('github', { scopes: ['a', 'b'] }).catch((error: { code: string, missingScopes?: string[] }) => { missing.push([error.code, error.missingScopes]) })
    }
    return (await execution.authorize('github', { scopes: ['a'] })).scopes
  })
  await rest()
  t.equal(await answer(world, await question(world, alice, started.id)), 'granted')
  const { result } = await started.ended
  t.same(result, ['a'])
  t.same(missing, Array.from({ length: 3 }, () => ['CONSENTRY_ERR_SCOPES_MISSING', ['b']]))
  t.equal(world.github.exchanges, 1)
})

t.test('a new execution asks anew, and so does one of another person', async (t) => {
  const world = createWorld()
  for (const owner of [alice, alice, bob]) {
    const started = await world.executions.start(owner, (execution) => execution.authorize('github'))
    await rest()
    t.equal(await answer(world, await question(world, owner, started.id), denial), 'denied')
    t.equal((await started.ended).error?.code, 'CONSENTRY_ERR_CONSENT_DENIED')
  }
})

t.test('partial: what was left out is said, and not asked for again', async (t) => {
  const world = createWorld()
  world.github.onExchange = () => ({ accessToken: 'a', tokenType: 'bearer', scopes: ['a'] })
  const run = async (execution: Execution): Promise<unknown> => {
    const { scopes, missingScopes } = await execution.authorize('github', { scopes: ['a', 'b'], partial: true })
    return { scopes, missingScopes }
  }
  const started = await world.executions.start(alice, run)
  await rest()
  t.equal(await answer(world, await question(world, alice, started.id), code), 'granted')
  const granted = { scopes: ['a'], missingScopes: ['b'] }
  t.same((await started.ended).result, granted)
  const second = await world.executions.start(alice, run)
  t.same((await second.ended).result, granted)
  t.equal(world.github.exchanges, 1)
  t.equal(await world.grants.check(key, { scopes: ['a', 'b'] }), 'do_auth', 'who needs all of it asks')
  t.equal(await world.grants.check(key, { scopes: ['a', 'c'], partial: true }), 'do_auth', 'what was never asked for is asked for')
})

t.test('who named an account that was not it may still ask for another', async (t) => {
  const world = createWorld()
  const named = { issuer: 'https://github.com', subject: 'someone-else' }
  const codes: string[] = []
  const started = await world.executions.start(alice, async (execution) => {
    for (const account of [named, named, undefined]) {
      codes.push(await execution.authorize('github', { ...(account !== undefined && { account }) }).then(() => 'granted', (error: { code: string }) => error.code))
    }
  })
  await rest()
  t.equal(await answer(world, await question(world, alice, started.id)), 'account_mismatch')
  await rest()
  t.equal(await answer(world, await question(world, alice, started.id)), 'granted')
  await started.ended
  t.same(codes, ['CONSENTRY_ERR_ACCOUNT_MISMATCH', 'CONSENTRY_ERR_ACCOUNT_MISMATCH', 'granted'])
})
