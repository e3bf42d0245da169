import type { UserInfo } from '@consentry/user-identity'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Context } from './context.ts'
import { isOwnPage } from './csrf.ts'
import { httpError, type HttpError } from './errors.ts'
import { authenticationError, hasEnded, sessionOf } from './identity.ts'
import { routeAuthChecker } from './options.ts'
import { passwordLoginName } from './password-login.ts'
import { refuse } from './refuse.ts'

/** What a caller must be to pass. All that is given must hold. */
export interface AuthRequirement {
  /** Member of one of these. */
  groups?: readonly string[]
  /** Holder of one of these. */
  roles?: readonly string[]
  /** Granted all of these. */
  scopes?: readonly string[]
  /** Whether the credential must have been verified here. */
  verified?: boolean
  /** How long ago the person may have signed in at the provider, in seconds; 30 or more. Older: to the login again. */
  maxAge?: number
  /** How the person must have signed in: one of these authentication contexts (`acr`). Otherwise: to the login again. */
  acr?: readonly string[]
  /** Passes when it resolves to `true`. Runs after the body is parsed. */
  check?: (userInfo: UserInfo, request: FastifyRequest) => boolean | Promise<boolean>
}

/** `false` public, `true` signed in, or what is required. */
export type RouteAuth = boolean | AuthRequirement

/** Guards every route by its own `config.auth`, never by its path. */
export function guard (app: FastifyInstance, context: Context): void {
  const { defaultAuth, clock } = context.settings

  const check = routeAuthChecker()
  app.addHook('onRoute', ({ config, method, url }) => {
    if (config?.auth !== undefined) check(config.auth, `${String(method)} ${url}`)
  })

  app.addHook('onRequest', (request, reply, done) => {
    const error = request.is404 ? undefined : refusalBy(context, request)
    if (error === undefined) done()
    else refuse(context, request, reply, error)
  })

  app.addHook('preHandler', (request, reply, done) => {
    const requirement = request.is404 ? false : requirementOf(request, defaultAuth) ?? false
    if (typeof requirement === 'boolean' || requirement.check === undefined) return done()
    return passesCheck(request, requirement).then((passes) => passes || refuse(context, request, reply, httpError('CONSENTRY_ERR_FORBIDDEN')))
  })

  app.decorateRequest('isAllowed', async function (this: FastifyRequest, requirement: RouteAuth) {
    check(requirement, 'isAllowed()')
    if (requirement === false) return true
    if (hasEnded(this)) return false
    return shortcoming(this, requirement, clock.now() / 1000) === undefined && await passesCheck(this, requirement)
  })
}

/** Why the route may not be called, as far as that can be told without the body. */
function refusalBy (context: Context, request: FastifyRequest): HttpError | undefined {
  const { defaultAuth, clock } = context.settings
  const said = requirementOf(request, defaultAuth)
  if (isForeign(context, request, said)) return httpError('CONSENTRY_ERR_CROSS_ORIGIN')
  return said === undefined || said === false ? undefined : shortcoming(request, said, clock.now() / 1000)
}

/**
 * Whether a page of another origin makes the request act by what a browser sends along by itself (T3). No page may read
 * what comes of a request elsewhere, but it may talk through a WebSocket: that is for pages of ours whoever is calling,
 * unless the route says that it is public (T13).
 */
function isForeign ({ settings: { allowedOrigins, identity: { trust } } }: Context, request: FastifyRequest, said: RouteAuth | undefined): boolean {
  if (isOwnPage(request, allowedOrigins)) return false
  return isAmbient(request, trust) || (request.ws && said !== false)
}

/** Browsers send cookies by themselves, and passwords that they were told once; a proxy adds its word to whatever they send. */
function isAmbient (request: FastifyRequest, trust: 'upstream' | undefined): boolean {
  return sessionOf(request) !== null || request.userInfo?.source === 'basic' || (trust === 'upstream' && request.userInfo !== null)
}

/** Why the caller does not meet what is required, as far as that can be told without the body. */
function shortcoming (request: FastifyRequest, requirement: Exclude<RouteAuth, false>, now: number): HttpError | undefined {
  if (request.userInfo === null) return authenticationError(request)
  if (requirement === true) return undefined
  if (!meets(request.userInfo, requirement)) return httpError('CONSENTRY_ERR_FORBIDDEN')
  if (isFresh(request.userInfo, requirement, now) && isOfKind(request.userInfo, requirement)) return undefined
  const { maxAge, acr } = requirement
  // The form knows one way of signing in: asking again would ask for ever.
  if (sessionOf(request)?.data.provider === passwordLoginName && !isOfKind(request.userInfo, requirement)) {
    return Object.assign(httpError('CONSENTRY_ERR_STEP_UP_REQUIRED'), { statusCode: 403 })
  }
  const stepUp = { ...(maxAge !== undefined && { maxAge }), ...(acr !== undefined && { acr }) }
  return Object.assign(httpError('CONSENTRY_ERR_STEP_UP_REQUIRED'), { stepUp })
}

/** Only `true` passes: a check that throws or forgets to answer denies. */
async function passesCheck (request: FastifyRequest, requirement: RouteAuth): Promise<boolean> {
  if (typeof requirement === 'boolean' || requirement.check === undefined) return true
  try {
    const passes: unknown = request.userInfo !== null && await requirement.check(request.userInfo, request)
    return passes === true
  } catch (err) {
    request.log.warn({ err }, 'guard check failed')
    return false
  }
}

/** What the route asks for; `undefined` when neither it nor the application said anything. */
export function requirementOf (request: FastifyRequest, defaultAuth: RouteAuth): RouteAuth | undefined {
  return request.routeOptions.config.auth ?? (defaultAuth === false ? undefined : defaultAuth)
}

function meets (userInfo: UserInfo, { groups, roles, scopes, verified }: AuthRequirement): boolean {
  return (groups === undefined || groups.some((group) => userInfo.groups.includes(group))) &&
    (roles === undefined || roles.some((role) => userInfo.roles.includes(role))) &&
    (scopes === undefined || scopes.every((scope) => userInfo.scopes.includes(scope))) &&
    (verified !== true || userInfo.verified)
}

/** How far the provider's clock may be off, and how long the way back from it may take, in seconds. */
const tolerance = 30

/** Whether the person signed in recently enough. What the provider did not say does not count. */
function isFresh ({ claims: { auth_time: signedInAt } }: UserInfo, { maxAge }: AuthRequirement, now: number): boolean {
  return maxAge === undefined || (typeof signedInAt === 'number' && signedInAt <= now + tolerance && now - signedInAt <= maxAge + tolerance)
}

/** Whether the person signed in in the way that is asked for. */
function isOfKind ({ claims }: UserInfo, { acr }: AuthRequirement): boolean {
  return acr === undefined || (typeof claims['acr'] === 'string' && acr.includes(claims['acr']))
}
