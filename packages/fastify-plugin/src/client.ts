import type { Client } from '@consentry/user-identity'
import type { FastifyRequest } from 'fastify'
import type { Socket } from 'node:net'

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

/** The client of a connection that lasts longer than the request that opened it, which is not kept for it. */
export class ConnectionClient implements Client {
  readonly address: string | undefined
  readonly #socket: Socket

  constructor (request: FastifyRequest) {
    this.address = new RequestClient(request).address
    this.#socket = request.raw.socket
  }

  isGone (): boolean {
    return this.#socket.destroyed
  }
}
