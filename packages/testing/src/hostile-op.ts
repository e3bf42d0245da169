import { createIssuer } from './hostile-op/issuer.ts'
import type { Issuer } from './hostile-op/issuer.ts'
import { newKey } from './hostile-op/keys.ts'
import { listen } from './hostile-op/server.ts'
import type { HostileProvider } from './hostile-op/types.ts'

/** Many hostile providers on one server, each under a name of its own. */
export interface HostileProviders {
  /** The provider whose issuer is `/<name>`; a new one at the first call. */
  provider (name: string): HostileProvider
  /** Stops listening and cuts the connections. */
  close (): Promise<void>
}

/**
 * Starts a provider on 127.0.0.1 that consents to everything at once. Every endpoint can be overridden; what was asked is
 * kept. `path` is the path of the issuer, such as `/tenant` or `/`; none unless given.
 */
export async function startHostileProvider ({ path = '', alg = 'RS256' }: { path?: string, alg?: string } = {}): Promise<HostileProvider> {
  const key = await newKey(alg, 'key-1')
  const server = await listen(async (incoming, response) => issuer.handle(incoming, response))
  const issuer = createIssuer({ issuer: `${server.origin}${path}`, base: server.origin, alg, key })
  return { ...issuer.provider, close: server.close }
}

/** Starts a server of providers. They begin with the same key, since making one takes longer than using it. */
export async function startHostileProviders ({ alg = 'RS256' }: { alg?: string } = {}): Promise<HostileProviders> {
  const key = await newKey(alg, 'key-1')
  const issuers = new Map<string, Issuer>()
  const server = await listen(async (incoming, response) => {
    const [, name = ''] = (incoming.url ?? '/').split(/[/?]/)
    const issuer = issuers.get(name)
    if (issuer === undefined) response.writeHead(404).end()
    else await issuer.handle(incoming, response)
  })
  return {
    provider (name) {
      const base = `${server.origin}/${name}`
      const issuer = issuers.get(name) ?? createIssuer({ issuer: base, base, alg, key })
      issuers.set(name, issuer)
      return { ...issuer.provider, close: server.close }
    },
    close: server.close
  }
}
