import { logout } from '@consentry/native'
import type { Context } from './cli.ts'
import { exitCodes } from './exit-codes.ts'

/** Deletes the tokens and ends them at the provider. */
export async function logoutCommand ({ output, session }: Context): Promise<number> {
  const { options } = await session()
  const ended = await logout(options)
  if (ended === undefined) {
    output.result('Nobody was signed in.', { signedOut: false })
    return exitCodes.ok
  }
  const { revoked, error } = ended
  output.result(revoked ? 'Signed out.' : 'Signed out here. The provider did not confirm that the tokens have ended.', { signedOut: true, revoked, ...error !== undefined && { code: error } })
  return exitCodes.ok
}
