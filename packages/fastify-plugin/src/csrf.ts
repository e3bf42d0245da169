import { Tokens } from '@fastify/csrf'
import type { FastifyRequest } from 'fastify'
import { httpError } from './errors.ts'
import { sessionOf } from './identity.ts'
import type { Settings } from './options.ts'

/** Tokens for the forms of our own pages: good for one session and one purpose. */
export interface FormTokens {
  create (request: FastifyRequest, purpose: string): string
  /** Throws `CONSENTRY_ERR_CROSS_ORIGIN` unless the form's `_csrf` field holds such a token. */
  verify (request: FastifyRequest, purpose: string): void
}

const bound = (request: FastifyRequest, purpose: string): string => `${purpose} ${sessionOf(request)?.id ?? ''}`

export function createFormTokens ({ csrfKeys, flowLifetime }: Settings): FormTokens {
  const tokens = csrfKeys.map((hmacKey) => new Tokens({ hmacKey, userInfo: true, validity: flowLifetime }))

  return {
    create (request, purpose) {
      return (tokens[0] as (typeof tokens)[number]).create(csrfKeys[0] as string, bound(request, purpose))
    },
    verify (request, purpose) {
      const token = (request.body as { _csrf?: unknown } | undefined)?._csrf
      const known = typeof token === 'string' && token.length < 512 &&
        tokens.some((verifier, index) => verifier.verify(csrfKeys[index] as string, token, bound(request, purpose)))
      if (!known) throw httpError('CONSENTRY_ERR_CROSS_ORIGIN')
    }
  }
}
