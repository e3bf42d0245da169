import type { Test } from 'tap'
import { fresh, until } from './helpers.ts'
import type { StateStoreContractOptions } from './types.ts'

const minute = 60_000

/** What has to hold while the store cannot be reached, and after. */
export function stateWithoutStore (t: Test, open: StateStoreContractOptions['open'], outage: NonNullable<StateStoreContractOptions['outage']>): void {
  for (const { name, begin } of outage) {
    void t.test(`R5: ${name}: a bounded failure with a code, and afterwards all is well`, async (t) => {
      const state = await open()
      const key = `canary-${fresh()}`
      let missed = 0
      const heard: string[] = []
      await state.subscribe(key, (message) => { heard.push(message) }, () => { missed++ })
      const lock = await state.lock(key, minute)
      const end = await begin()
      const calls: Array<Promise<unknown>> = [
        state.get(key), state.set(key, 'canary', minute), state.take(key), state.compareAndSet(key, 'canary', undefined, minute),
        state.append(key, 'canary', { ttl: minute, limit: 3 }), state.read(key, 0), state.publish(key, 'canary'), state.lock(key, minute), Promise.resolve(lock?.renew(minute))
      ]
      for (const result of await Promise.allSettled(calls)) {
        t.match(result, { status: 'rejected', reason: { code: 'CONSENTRY_ERR_STORE_UNAVAILABLE', retryable: true } })
        if (result.status === 'rejected') t.notMatch(everythingIn(result.reason), /canary/, 'B17: nothing of the call in the error')
      }
      await end()
      await until(() => state.set(key, 'back', minute).then(() => true, () => false))
      await until(async () => {
        await state.publish(key, 'back').catch(() => {})
        return heard.includes('back')
      })
      if (missed === 0) t.ok(heard.includes('back'), 'no connection was lost')
      t.equal(await state.get(key), 'back')
    })
  }
}

/** All that whoever logs an error could come upon. */
function everythingIn (error: unknown, depth = 0): string {
  if (typeof error !== 'object' || error === null || depth > 5) return String(error)
  return Object.getOwnPropertyNames(error).map((name) => everythingIn((error as Record<string, unknown>)[name], depth + 1)).join('\n')
}
