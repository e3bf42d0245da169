import { status } from '@consentry/native'
import type { Context } from './cli.ts'
import { exitCodes } from './exit-codes.ts'
import { personOf } from './person.ts'

/** Says who is signed in. Asks no provider. */
export async function statusCommand ({ output, session }: Context): Promise<number> {
  const { options, store } = await session()
  const found = await status(options)
  const { host } = options.provider
  if (found?.status !== 'active') {
    output.result(`Not signed in at ${host}.`, { signedIn: false, provider: host })
    return exitCodes.signedOut
  }
  const { account, scopes, updatedAt } = found
  output.result(`Signed in at ${host} as ${personOf(found)}. Granted: ${scopes.join(' ')}. The tokens are in the ${store}.`, { signedIn: true, provider: host, account, scopes, updatedAt, store })
  return exitCodes.ok
}
