import { ConsentryError } from '@consentry/core'
import { signedIn } from '@consentry/native'
import type { Context } from './cli.ts'
import { exitCodes } from './exit-codes.ts'

/** Prints an access token, refreshed if need be. */
export async function tokenCommand ({ output, session }: Context): Promise<number> {
  const { options } = await session()
  const grant = await signedIn(options)
  if (grant === undefined) throw new ConsentryError('CONSENTRY_ERR_AUTHENTICATION_REQUIRED')
  const accessToken = await grant.accessToken()
  output.result(accessToken, { accessToken, scopes: grant.scopes })
  return exitCodes.ok
}
