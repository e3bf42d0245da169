import type { AuthorizeOptions, Execution, Executions, Grant, Grants, Provider, Sessions, StartOptions } from '@consentry/core'
import type { UserInfo } from '@consentry/user-identity'
import type { SessionData } from './context.ts'
import type { RouteAuth } from './guard.ts'

/** What the plugin puts on the application. */
export interface Consentry {
  executions: Executions
  grants: Grants
  sessions: Sessions<SessionData>
  providers: Readonly<Record<string, Provider>>
  /**
   * To be called when a key or a password of the user was withdrawn: what is remembered of them is dropped, and the
   * credentials of their open connections are checked again, on all nodes; sessions that began by the form for a
   * password end. Rejects with `CONSENTRY_ERR_STORE_UNAVAILABLE` when the sessions cannot be ended.
   */
  forget (userId: string): Promise<void>
}

declare module 'fastify' {
  interface FastifyInstance {
    consentry: Consentry
  }

  interface FastifyRequest {
    /** Who is calling, verified; `null` without a credential. */
    userInfo: UserInfo | null
    /**
     * Whether the caller meets the requirement, for decisions within a route, such as for each message of a WebSocket.
     * `false` also when a check throws. Throws `CONSENTRY_ERR_OPTIONS_INVALID` for a requirement that makes no sense.
     */
    isAllowed (requirement: RouteAuth): Promise<boolean>
    /**
     * The token that `POST /auth/logout`, `POST /auth/refresh` and `DELETE /auth/connections` want of a page that the session
     * vouches for: in a form as `_csrf`, by a script as `X-CSRF-Token`. `null` without a session, which needs none.
     */
    csrfToken (): string | null
    /**
     * The caller's grant, when a good one is stored. Otherwise throws a 403 problem with `connectUrl`
     * (`CONSENTRY_ERR_AUTHORIZATION_REQUIRED`), or a 401 when nobody is signed in.
     */
    authorize (provider: string, options?: Pick<AuthorizeOptions, 'scopes' | 'profile' | 'account' | 'partial'>): Promise<Grant>
  }

  interface FastifyReply {
    /**
     * Runs `fn` for the caller: 200 with its result if it ends before it needs anyone, otherwise 202 with its status.
     * Grants in `requires` are asked for at once, before `fn` runs.
     */
    execution (fn: (execution: Execution) => unknown, options?: StartOptions): Promise<FastifyReply>
  }

  interface FastifyContextConfig {
    /** Who may pass: `false` everyone, `true` who is signed in, or what is required. */
    auth?: RouteAuth
  }
}
