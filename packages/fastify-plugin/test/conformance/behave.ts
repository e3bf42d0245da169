import type { HostileProvider } from '@consentry/testing'

/** From now on it does everything right; its metadata are what they were. */
export function behave (op: HostileProvider): void {
  for (const endpoint of Object.keys(op.overrides) as Array<keyof typeof op.overrides>) Reflect.deleteProperty(op.overrides, endpoint)
  op.idToken.claims = {}
}
