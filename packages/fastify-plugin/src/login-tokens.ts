import type { EndedSession, TokenSet } from '@consentry/core'
import { redirectProviderOf, type Context, type SessionData } from './context.ts'
import { loggable } from './errors.ts'

/** The tokens of a sign-in. They are sealed for the id of their session and attached to it, so that they end with it. */
export type LoginTokens = Pick<TokenSet, 'accessToken' | 'refreshToken' | 'idToken' | 'account'>

export function sealLoginTokens ({ seal }: Context, sessionId: string, { accessToken, refreshToken, idToken, account }: LoginTokens): string {
  return seal.seal(JSON.stringify({ accessToken, refreshToken, idToken, account }), sessionId)
}

/** What cannot be opened was put there by somebody else, or by a secret that is gone: it counts as absent (B16). */
export function openLoginTokens ({ seal, log }: Context, { id, attachment }: { id: string, attachment?: string | undefined }): LoginTokens | undefined {
  if (attachment === undefined) return undefined
  const json = seal.open(attachment, id)
  if (json === undefined) log.warn({ code: 'CONSENTRY_ERR_RECORD_UNREADABLE', sessionId: id }, 'the tokens of a sign-in cannot be decrypted')
  return json === undefined ? undefined : JSON.parse(json) as LoginTokens
}

/** Gives the tokens of sessions that are over back to whoever issued them. Never rejects: what failed is logged. */
export async function giveBackLoginTokens (context: Context, ended: ReadonlyArray<EndedSession<SessionData>>): Promise<void> {
  await Promise.all(ended.map(async (session) => {
    const tokens = openLoginTokens(context, session)
    if (tokens !== undefined) await giveBack(context, session.data.provider, tokens)
  }))
}

/** Revokes the tokens at the provider. Never rejects: what failed is logged. */
export async function giveBack (context: Context, provider: string, tokens: LoginTokens): Promise<void> {
  try {
    await redirectProviderOf(context, provider).revoke(tokens)
  } catch (error) {
    context.log.warn({ ...loggable(error), provider }, 'giving the tokens of a sign-in back failed')
  }
}
