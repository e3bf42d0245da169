import { ConsentryError } from '@consentry/core'
import { readAuthMessage } from '@consentry/user-identity'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { beginSession } from './begin-session.ts'
import { RequestClient } from './client.ts'
import type { Context } from './context.ts'
import { isOwnPage } from './csrf.ts'
import { httpError } from './errors.ts'
import { html, type Html } from './html.ts'
import { leave } from './leave.ts'
import { sendPage } from './pages.ts'
import { limited } from './rate-limit.ts'
import { readReturnTo } from './return-to.ts'

/** The name in `login` that stands for the form. */
export const passwordLoginName = 'basic'

/** The name under which the sessions of a user are found that began by the form. */
export function passwordSessionName (userId: string): string {
  return JSON.stringify([passwordLoginName, userId])
}

interface PasswordForm {
  username?: string
  password?: string
  return_to?: string
  /** Who must sign in: to prove again who is there it must be the same person. */
  user_id?: string
}

interface FormState {
  username?: string
  /** Whether the last attempt failed. */
  failed?: boolean
  userId?: string
}

const schema = {
  body: { type: 'object', required: ['username', 'password'], properties: { username: { type: 'string' }, password: { type: 'string' }, return_to: { type: 'string' }, user_id: { type: 'string' } } }
}

/** The form for a user name and a password. */
export function passwordForm ({ settings }: Context, returnTo: string, { username = '', failed = false, userId }: FormState = {}): Html {
  return html`<form method="post" action="${settings.prefix}/login/${passwordLoginName}">
${failed ? html`<p id="failed" role="alert">The user name or the password is not right.</p>` : undefined}
<input type="hidden" name="return_to" value="${returnTo}">
${userId === undefined ? undefined : html`<input type="hidden" name="user_id" value="${userId}">`}
<p class="field"><label for="username">User name</label><input id="username" name="username" value="${username}" autocomplete="username" autocapitalize="none" required${failed ? html` aria-describedby="failed"` : undefined}></p>
<p class="field"><label for="password">Password</label><input id="password" name="password" type="password" autocomplete="current-password" required></p>
<p class="actions"><button class="button">Sign in</button></p>
</form>`
}

/** Signing in with what `identity.basic` checks, where `login` names it. */
export function passwordLogin (app: FastifyInstance, context: Context): void {
  const { settings } = context
  if (!settings.login.includes(passwordLoginName)) return

  app.post<{ Body: PasswordForm }>(`/login/${passwordLoginName}`, { schema, config: limited }, async (request, reply) => {
    // Nobody is signed in yet, so that a token of a session cannot tell: the page must be ours (T3).
    if (!isOwnPage(request, settings.allowedOrigins)) throw httpError('CONSENTRY_ERR_CROSS_ORIGIN')
    const { username = '', return_to: path, user_id: userId } = request.body
    const returnTo = readReturnTo(path, settings)
    try {
      await signIn(context, request, reply)
    } catch (error) {
      if (!ConsentryError.is(error, 'CONSENTRY_ERR_CREDENTIAL_INVALID')) throw error
      return sendPage(context, reply.code(401), { title: 'Sign in', mood: 'ask', body: passwordForm(context, returnTo, { username, failed: true, ...(userId !== undefined && { userId }) }) })
    }
    return leave(reply, returnTo)
  })
}

async function signIn (context: Context, request: FastifyRequest<{ Body: PasswordForm }>, reply: FastifyReply): Promise<void> {
  const { identity, settings } = context
  const { username, password, user_id: userId } = request.body
  const person = await identity.authenticate(readAuthMessage({ type: 'auth', method: 'basic', username, password }), new RequestClient(request))
  if (userId !== undefined && userId !== person.userId) throw httpError('CONSENTRY_ERR_ACCOUNT_MISMATCH')
  const claims = { ...person.claims, auth_time: Math.floor(settings.clock.now() / 1000) }
  const userInfo = { ...person, claims, source: 'session' as const }
  await beginSession(context, request, reply, { userInfo, provider: passwordLoginName }, { names: [passwordSessionName(userInfo.userId)] })
}
