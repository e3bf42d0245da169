import type { Row } from './row.ts'

/**
 * All that is measured, in the order of docs/performance.md. Each file is loaded by who needs it: some packages change
 * what is global, as undici does the connections of `fetch`, and nothing should be measured with what another way needs.
 */
const scenarios: Readonly<Record<string, () => Promise<{ row: Row }>>> = {
  P1: () => import('./scenarios/p01-jwt-seen.ts'),
  P2: () => import('./scenarios/p02-jwt-new.ts'),
  P3: () => import('./scenarios/p03-session.ts'),
  P4: () => import('./scenarios/p04-api-key.ts'),
  P5: () => import('./scenarios/p05-basic.ts'),
  P6: () => import('./scenarios/p06-login-redirect.ts'),
  P7: () => import('./scenarios/p07-callback.ts'),
  P8: () => import('./scenarios/p08-waiting-executions.ts'),
  P9: () => import('./scenarios/p09-wake-up.ts'),
  P10: () => import('./scenarios/p10-flows-per-second.ts'),
  P11: () => import('./scenarios/p11-events-pushed.ts'),
  P12: () => import('./scenarios/p12-idle-sockets.ts'),
  P13: () => import('./scenarios/p13-access-token.ts'),
  P14: () => import('./scenarios/p14-one-refresh.ts')
}

/** `P1` to `P14`. */
export const rowIds: readonly string[] = Object.keys(scenarios)

/** Rejects when there is no such row. */
export async function rowOf (id: string): Promise<Row> {
  const load = scenarios[id]
  if (load === undefined) throw new Error(`there is no row ${id}: ${rowIds.join(', ')}`)
  return (await load()).row
}

/** @throws Error when the row has no such variant */
export function variantOf (row: Row, name: string): Row['variants'][number] {
  const found = row.variants.find((variant) => variant.name === name)
  if (found === undefined) throw new Error(`${row.id} has no variant ${name}`)
  return found
}
