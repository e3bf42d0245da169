import type { FastifyReply, FastifyRequest } from 'fastify'
import { cookieValues } from '@consentry/user-identity'

/** `__Host-` (RFC 6265bis): set by this host alone, over a secure connection, for the whole of it. */
export const cookieNames = {
  session: '__Host-consentry-session',
  /** One per flow: this and the flow's id. */
  flow: '__Host-consentry-flow-'
} as const

const attributes = { path: '/', httpOnly: true, secure: true, sameSite: 'lax' } as const

/** How many flows a browser may have under way before the oldest is forgotten; bounds the size of the header. */
const mostFlows = 20

export function setSessionCookie (reply: FastifyReply, secret: string, lifetime: number): void {
  reply.setCookie(cookieNames.session, secret, { ...attributes, maxAge: Math.floor(lifetime / 1000) })
}

/** The values of the session cookie: one, unless somebody else put a second one there (T1). */
export function sessionCookies ({ headers }: Pick<FastifyRequest, 'headers'>): string[] {
  return cookieValues(headers.cookie ?? '', cookieNames.session)
}

export function clearSessionCookie (reply: FastifyReply): void {
  reply.clearCookie(cookieNames.session, attributes)
}

/** Binds the flow to this browser for the flow's lifetime, and forgets the oldest flows beyond the limit. */
export function setFlowCookie (request: FastifyRequest, reply: FastifyReply, flow: { id: string, binding: string, expiresAt: number }, now: number): void {
  const name = cookieNames.flow + flow.id
  const others = pairs(request).filter(([other]) => other.startsWith(cookieNames.flow) && other !== name)
  const oldestFirst = others.sort(([, a], [, b]) => expiryOf(a) - expiryOf(b))
  for (const [other] of oldestFirst.slice(0, Math.max(0, others.length + 1 - mostFlows))) reply.clearCookie(other, attributes)
  const maxAge = Math.max(1, Math.ceil((flow.expiresAt - now) / 1000))
  reply.setCookie(name, `${flow.expiresAt}.${flow.binding}`, { ...attributes, maxAge })
}

/** A flow that is over binds nothing any more. */
export function clearFlowCookie (reply: FastifyReply, flowId: string): void {
  reply.clearCookie(cookieNames.flow + flowId, attributes)
}

/** The binding secret that this browser holds for the flow. One of two of the same name is not ours, so neither counts. */
export function flowCookie (request: FastifyRequest, flowId: string): string | undefined {
  const values = cookieValues(request.headers.cookie ?? '', cookieNames.flow + flowId)
  const value = values.length === 1 ? values[0] as string : ''
  const dot = value.indexOf('.')
  return dot === -1 ? undefined : value.slice(dot + 1)
}

/** From the header itself: an application may have told the cookie plugin not to parse. */
function pairs ({ headers }: FastifyRequest): Array<[string, string]> {
  return (headers.cookie ?? '').split(';').map((pair) => pair.trim()).map((pair) => {
    const equals = pair.indexOf('=')
    return [pair.slice(0, Math.max(equals, 0)), pair.slice(equals + 1)]
  })
}

function expiryOf (value: string | undefined): number {
  const expiry = Number.parseInt(value ?? '', 10)
  return Number.isNaN(expiry) ? 0 : expiry
}
