import type { FastifyReply } from 'fastify'

/** Sends the browser on by GET. Where it leads is stored nowhere, and the next site is not told where it came from (B18). */
export function leave (reply: FastifyReply, location: string): FastifyReply {
  return reply.header('cache-control', 'no-store').header('referrer-policy', 'no-referrer').redirect(location, 303)
}
