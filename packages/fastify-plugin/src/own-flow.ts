import { sameOwner, type ConnectFlow } from '@consentry/core'
import type { UserInfo } from '@consentry/user-identity'
import type { FastifyRequest } from 'fastify'
import { ownerOf, providerOf, type Context } from './context.ts'
import { httpError } from './errors.ts'

export interface FlowParams { flowId: string }

/** A flow that any browser may answer, when this one is not signed in as its owner. */
export async function flowByHandle (context: Context, request: FastifyRequest<{ Params: FlowParams }>): Promise<ConnectFlow | undefined> {
  const flow = await context.flows.find(request.params.flowId)
  if (flow?.purpose !== 'connect' || !flow.byHandle || flow.status !== 'pending' || flow.expiresAt <= context.settings.clock.now()) return undefined
  if (providerOf(context, flow.provider).kind !== 'redirect') return undefined
  const { userInfo } = request
  return userInfo !== null && sameOwner(flow.key, ownerOf(context, userInfo)) ? undefined : flow
}

/** The flow, if it is this person's. Another's is left as it is, and the attempt is logged (B3). */
export async function ownFlow (context: Context, request: FastifyRequest<{ Params: FlowParams }>, userInfo: UserInfo): Promise<ConnectFlow> {
  const flow = await context.flows.find(request.params.flowId)
  if (flow === undefined || flow.purpose !== 'connect') throw httpError('CONSENTRY_ERR_FLOW_NOT_FOUND')
  if (!sameOwner(flow.key, ownerOf(context, userInfo))) {
    request.log.warn({ flowId: flow.id, userId: userInfo.userId }, 'consent opened by another person')
    throw httpError('CONSENTRY_ERR_OWNER_MISMATCH')
  }
  return flow
}
