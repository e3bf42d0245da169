import type { Client } from '@consentry/user-identity'
import type { FastifyRequest } from 'fastify'

/** The client of a request, as far as limits go. Its address is `request.ip`, so that the application's `trustProxy` decides. */
export class RequestClient implements Client {
  readonly #request: FastifyRequest

  constructor (request: FastifyRequest) {
    this.#request = request
  }

  get address (): string | undefined {
    // Empty over a Unix socket, which has none.
    return this.#request.ip || undefined
  }

  isGone (): boolean {
    return this.#request.raw.socket.destroyed
  }
}
