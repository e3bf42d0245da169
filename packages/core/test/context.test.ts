import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { authorize, currentExecution } from '../src/context.ts'
import { alice, answer, bob, codeOf, createWorld, keyOf, question, rest } from './world.ts'

async function deepInside (label: string): Promise<string> {
  await pause(1)
  return new Promise((resolve, reject) => {
    setTimeout(() => {
      queueMicrotask(() => {
        authorize('github', { scopes: [label] }).then((grant) => resolve(grant.scopes.join(' ')), reject)
      })
    }, 1)
  })
}

const steps = (label: string) => async (): Promise<unknown> => {
  const seen = new Set<unknown>()
  for (let step = 0; step < 5; step++) {
    await pause(1)
    seen.add(currentExecution()?.owner.userId)
  }
  return [await deepInside(label), [...seen]]
}

t.test('authorize() deep inside an execution finds its way back', async (t) => {
  const world = createWorld()
  const run = await world.executions.start(alice, () => deepInside('a'))
  t.equal(await run.firstOutcome, 'oauth_required')
  await answer(world, await question(world, alice, run.id))
  t.same((await run.ended).result, 'a')
})

t.test('outside of an execution it is a coded error', async (t) => {
  t.equal(await codeOf(authorize('github')), 'CONSENTRY_ERR_NO_EXECUTION')
  t.equal(currentExecution(), undefined)
  const world = createWorld()
  await (await world.executions.start(alice, () => currentExecution()?.id)).ended
  t.equal(currentExecution(), undefined)
})

t.test('two executions interleaved do not mix', async (t) => {
  const world = createWorld()
  const [one, two] = await Promise.all([world.executions.start(alice, steps('a')), world.executions.start(bob, steps('b'))])
  await Promise.all([one.firstOutcome, two.firstOutcome])
  await answer(world, await question(world, bob, two.id))
  await answer(world, await question(world, alice, one.id))
  t.same((await one.ended).result, ['a', ['alice']])
  t.same((await two.ended).result, ['b', ['bob']])
  t.ok(await world.tokens.exists(keyOf(alice)))
})

t.test('what listens for the end of an execution belongs to it, whoever ended it', async (t) => {
  const world = createWorld()
  let seen: string | undefined
  const victim = await world.executions.start(bob, (execution) => new Promise((resolve) => {
    execution.signal.addEventListener('abort', () => {
      seen = currentExecution()?.owner.userId
      resolve(undefined)
    })
  }))
  await rest()
  await (await world.executions.start(alice, () => world.executions.cancel(bob, victim.id).then(() => {}))).ended
  t.equal(seen, 'bob')
})
