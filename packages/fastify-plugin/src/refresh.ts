import { ConsentryError, type TokenSet } from '@consentry/core'
import type { UserInfo } from '@consentry/user-identity'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { redirectProviderOf, sessionUserInfo, type BrowserSession, type Context } from './context.ts'
import { clearSessionCookie, setSessionCookie } from './cookies.ts'
import { httpError } from './errors.ts'
import { authenticationError, sessionOf } from './identity.ts'
import { giveBack, openLoginTokens, sealLoginTokens } from './login-tokens.ts'
import { limited } from './rate-limit.ts'
import { haveSameRights } from './rights.ts'

/** How long one request may be at it before another may try, in milliseconds: longer than a provider is waited for. */
const longest = 120_000

/** What the sign-in alone can tell: a refresh is none (OpenID Connect Core section 12.2). */
const signInClaims: ReadonlySet<string> = new Set(['auth_time', 'acr', 'amr', 'sid'])

/** Asks the provider that signed a person in who they are by now. */
export function refresh (app: FastifyInstance, context: Context): void {
  app.post('/refresh', { config: limited }, async (request, reply) => {
    const session = sessionOf(request)
    if (session === null) throw authenticationError(request)
    context.csrf.verify(request)
    reply.header('cache-control', 'no-store')
    const lock = await context.settings.stateStore.lock(`refresh:${session.id}`, longest)
    // Another request is at it right now; what is known is the best there is.
    if (lock === undefined) return reply.send(session.data.userInfo)
    try {
      const tokens = await renew(context, reply, session)
      const userInfo = await readUserInfo(context, session, tokens)
      await keep(context, reply, session, userInfo, tokens)
      return await reply.send(userInfo)
    } finally {
      await lock.release().catch(() => { /* It ends by itself. */ })
    }
  })
}

/** New tokens, kept before they are used: the refresh token of before may be spent. */
async function renew (context: Context, reply: FastifyReply, session: BrowserSession): Promise<TokenSet> {
  const { sessions } = context
  const { id, data } = session
  const before = openLoginTokens(context, { id, attachment: await sessions.attachment(id) })
  if (before?.refreshToken === undefined) {
    throw httpError(await sessions.endOf(id) === undefined ? 'CONSENTRY_ERR_AUTHENTICATION_REQUIRED' : 'CONSENTRY_ERR_REAUTH_REQUIRED')
  }
  const { refreshToken, account, idToken } = before
  try {
    const answer = await redirectProviderOf(context, data.provider).refresh({ refreshToken, ...(account !== undefined && { account }) })
    // The ID token of the sign-in is still the hint for a sign-out.
    const tokens = { ...answer, ...(answer.account === undefined && account !== undefined && { account }), ...(answer.idToken === undefined && idToken !== undefined && { idToken }) }
    if (!await sessions.update(id, { data, attachment: sealLoginTokens(context, id, tokens) })) throw await tooLate(context, session, tokens)
    return tokens
  } catch (error) {
    if (!ConsentryError.is(error, 'CONSENTRY_ERR_REAUTH_REQUIRED')) throw error
    // The provider ended the sign-in, so it ends here.
    await sessions.revoke(id)
    clearSessionCookie(reply)
    throw httpError('CONSENTRY_ERR_AUTHENTICATION_REQUIRED', { cause: error })
  }
}

async function readUserInfo (context: Context, { data }: BrowserSession, tokens: TokenSet): Promise<UserInfo> {
  const account = await redirectProviderOf(context, data.provider).userInfo(tokens)
  const { issuer, subject, claims } = data.userInfo
  if (account === undefined || account.issuer !== issuer || account.subject !== subject) throw httpError('CONSENTRY_ERR_ACCOUNT_MISMATCH')
  const told = Object.entries(account.claims).filter(([name]) => !signInClaims.has(name))
  const known = Object.entries(claims).filter(([name]) => signInClaims.has(name))
  return sessionUserInfo(context, { ...account, claims: Object.fromEntries([...told, ...known]) })
}

/** With other rights comes another session id (B19). A session that was ended meanwhile stays ended. */
async function keep (context: Context, reply: FastifyReply, session: BrowserSession, userInfo: UserInfo, tokens: TokenSet): Promise<void> {
  const { sessions, settings, csrf } = context
  const data = { ...session.data, userInfo }
  if (haveSameRights(userInfo, session.data.userInfo)) {
    if (!await sessions.update(session.id, { data })) throw await tooLate(context, session, tokens)
    return
  }
  const opened = await sessions.rotate(session.id, (id) => ({ data, attachment: sealLoginTokens(context, id, tokens) }))
  if (opened === undefined) throw await tooLate(context, session, tokens)
  setSessionCookie(reply, opened.secret, opened.session.expiresAt - settings.clock.now())
  reply.header('x-csrf-token', csrf.create(opened.session))
}

/** Signed out meanwhile, by another request or by the provider: that stands, and nobody is left to use the tokens. */
async function tooLate (context: Context, { data }: BrowserSession, tokens: TokenSet): Promise<Error> {
  await giveBack(context, data.provider, tokens)
  return httpError('CONSENTRY_ERR_AUTHENTICATION_REQUIRED')
}
