import { refused } from './refused.ts'

/** How deep claims may be nested: deeper ones are made to exhaust a stack (T15). */
const deepest = 32

/**
 * A copy of the value whose lists and plain objects cannot be changed, at any depth: who a credential is, is remembered
 * and shared between requests. A member called `__proto__` stays a member.
 *
 * @throws ConsentryError `CONSENTRY_ERR_CREDENTIAL_INVALID` when it is nested too deep
 */
export function frozen<T> (value: T, depth = 0): T {
  if (typeof value !== 'object' || value === null) return value
  if (depth > deepest) throw refused()
  if (Array.isArray(value)) return Object.freeze(value.map((item: unknown) => frozen(item, depth + 1))) as T
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  const copy = { ...value as Record<string, unknown> }
  for (const [name, item] of Object.entries(copy)) if (typeof item === 'object') copy[name] = frozen(item, depth + 1)
  return Object.freeze(copy) as T
}
