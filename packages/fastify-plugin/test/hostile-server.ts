import { oidc } from '@consentry/providers'
import { startHostileProvider, type HostileProvider } from '@consentry/testing'
import type { Test } from 'tap'
import { startServer, type TestServer, type TestServerOptions } from './server.ts'

/** The real plugin against a provider that does as it is told; `corp` signs people in, without a page. */
export async function hostileServer (t: Test, { options, ...others }: TestServerOptions = {}): Promise<{ op: HostileProvider, server: TestServer }> {
  const op = await startHostileProvider()
  t.teardown(() => op.close())
  const corp = oidc({ issuer: op.issuer, clientId: 'client', clientSecret: 'secret', allowInsecureLoopback: true, timeout: 1_000 })
  return { op, server: await startServer(t, { ...others, options: { providers: { corp }, ...options } }) }
}
