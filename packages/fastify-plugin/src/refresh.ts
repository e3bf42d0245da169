import { ConsentryError, type TokenSet } from '@consentry/core'
import type { UserInfo } from '@consentry/user-identity'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { redirectProviderOf, sessionUserInfo, type BrowserSession, type Context } from './context.ts'
import { clearSessionCookie, setSessionCookie } from './cookies.ts'
import { httpError } from './errors.ts'
import { authenticationError, sessionOf } from './identity.ts'
import { keepLoginTokens, takeLoginTokens, type LoginTokens } from './login-tokens.ts'

/** Asks the provider that signed a person in who they are by now. */
export function refresh (app: FastifyInstance, context: Context): void {
  app.post('/refresh', { config: { auth: false } }, async (request, reply) => {
    const session = sessionOf(request)
    if (session === null) throw authenticationError(request)
    reply.header('cache-control', 'no-store')
    const before = await takeLoginTokens(context, session.id)
    // Another request is at it right now; what is known is the best there is.
    if (before === undefined) return reply.send(session.data.userInfo)
    if (before.refreshToken === undefined) {
      await keepLoginTokens(context, session.id, before)
      throw httpError('CONSENTRY_ERR_REAUTH_REQUIRED')
    }
    const tokens = await renewed(context, reply, session, before, before.refreshToken)
    const userInfo = await readUserInfo(context, session, tokens)
    await keep(context, reply, session, userInfo, tokens)
    return reply.send(userInfo)
  })
}

async function renewed (context: Context, reply: FastifyReply, session: BrowserSession, before: LoginTokens, refreshToken: string): Promise<TokenSet> {
  const { account } = before
  try {
    const tokens = await redirectProviderOf(context, session.data.provider).refresh({ refreshToken, ...(account !== undefined && { account }) })
    return { ...tokens, ...(tokens.account === undefined && account !== undefined && { account }) }
  } catch (error) {
    if (ConsentryError.is(error, 'CONSENTRY_ERR_REAUTH_REQUIRED')) {
      // The provider ended the sign-in, so it ends here.
      await context.sessions.revoke(session.id)
      clearSessionCookie(reply)
      throw httpError('CONSENTRY_ERR_AUTHENTICATION_REQUIRED', { cause: error })
    }
    await keepLoginTokens(context, session.id, before)
    throw error
  }
}

/** The refresh token may be spent by now, so that the new ones are kept whatever happens. */
async function readUserInfo (context: Context, session: BrowserSession, tokens: TokenSet): Promise<UserInfo> {
  try {
    const account = await redirectProviderOf(context, session.data.provider).userInfo(tokens)
    const { issuer, subject } = session.data.userInfo
    if (account === undefined || account.issuer !== issuer || account.subject !== subject) throw httpError('CONSENTRY_ERR_ACCOUNT_MISMATCH')
    return sessionUserInfo(context, account)
  } catch (error) {
    await keepLoginTokens(context, session.id, tokens)
    throw error
  }
}

/** With other rights comes another session id (B19). One that was ended meanwhile stays ended. */
async function keep (context: Context, reply: FastifyReply, session: BrowserSession, userInfo: UserInfo, tokens: TokenSet): Promise<void> {
  const { sessions, settings } = context
  const data = { ...session.data, userInfo }
  if (!await sessions.update(session.id, data)) {
    await redirectProviderOf(context, session.data.provider).revoke(tokens)
    throw httpError('CONSENTRY_ERR_AUTHENTICATION_REQUIRED')
  }
  if (rights(userInfo) === rights(session.data.userInfo)) return keepLoginTokens(context, session.id, tokens)
  const { secret, session: next } = await sessions.create(session.owner, data, session.names)
  if (!await sessions.revoke(session.id)) {
    // Signed out meanwhile, by another request or by the provider: that stands.
    await sessions.revoke(next.id)
    await redirectProviderOf(context, session.data.provider).revoke(tokens)
    throw httpError('CONSENTRY_ERR_AUTHENTICATION_REQUIRED')
  }
  await keepLoginTokens(context, next.id, tokens)
  setSessionCookie(reply, secret, settings.absoluteLifetime)
}

function rights ({ groups, roles, scopes }: UserInfo): string {
  return JSON.stringify([groups, roles, scopes])
}
