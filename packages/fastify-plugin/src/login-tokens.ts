import type { TokenSet } from '@consentry/core'
import type { Context } from './context.ts'

/** The tokens of a sign-in, kept beside the session that every request reads. */
export type LoginTokens = Pick<TokenSet, 'accessToken' | 'refreshToken' | 'idToken' | 'account'>

const key = (sessionId: string): string => `login:${sessionId}`

export async function keepLoginTokens ({ settings }: Context, sessionId: string, tokens: LoginTokens): Promise<void> {
  const { accessToken, refreshToken, idToken, account } = tokens
  await settings.stateStore.set(key(sessionId), JSON.stringify({ accessToken, refreshToken, idToken, account }), settings.absoluteLifetime)
}

/** Hands them to one caller: whoever takes them may use the refresh token, and puts back what is left. */
export async function takeLoginTokens ({ settings }: Context, sessionId: string): Promise<LoginTokens | undefined> {
  const json = await settings.stateStore.take(key(sessionId))
  return json === undefined ? undefined : JSON.parse(json) as LoginTokens
}
