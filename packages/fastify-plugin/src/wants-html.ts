import type { FastifyRequest } from 'fastify'
import Negotiator from 'negotiator'

/** What is answered, in the order of who does not care which: a program gets JSON. */
const types = ['application/json', 'application/problem+json', 'text/html']

/** Whether a person is looking: a browser that navigates would rather have HTML (RFC 9110 section 12.5.1). */
export function wantsHtml ({ headers }: Pick<FastifyRequest, 'headers'>): boolean {
  return new Negotiator({ headers }).mediaType(types) === 'text/html'
}
