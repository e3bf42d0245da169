import { AsyncLocalStorage } from 'node:async_hooks'
import { ConsentryError } from './errors.ts'
import type { Execution } from './execution.ts'
import type { Grant } from './grants.ts'
import type { AuthorizeOptions } from './requirement.ts'

const storage = new AsyncLocalStorage<Execution>()

/** Runs `fn` as part of `execution`: wherever it leads, `authorize()` finds its way back. */
export function runInExecution<T> (execution: Execution, fn: () => T): T {
  return storage.run(execution, fn)
}

/** The execution that the calling code is part of. */
export function currentExecution (): Execution | undefined {
  return storage.getStore()
}

/**
 * `execution.authorize()` for code that was not handed the execution.
 * Rejects with `CONSENTRY_ERR_NO_EXECUTION` outside of one.
 */
export function authorize (provider: string, options?: AuthorizeOptions): Promise<Grant> {
  const execution = currentExecution()
  // The execution's own promise, not one made of it: at the end of the run nobody may be waiting for it any more.
  return execution === undefined ? Promise.reject(new ConsentryError('CONSENTRY_ERR_NO_EXECUTION')) : execution.authorize(provider, options)
}
