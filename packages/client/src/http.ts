import type { StatusDocument } from './contract.ts'
import { errorOf, unreachable } from './errors.ts'
import type { Settings } from './options.ts'

export interface Http {
  /** Rejects with a `ClientError` for anything but an answer of 2xx. */
  request (path: string, init?: RequestInit, ...headers: Array<Record<string, string> | undefined>): Promise<Response>
  status (executionId: string, signal: AbortSignal): Promise<StatusDocument>
  events (executionId: string, after: number, signal: AbortSignal): Promise<Response>
  cancel: (executionId: string) => Promise<void>
}

export function createHttp ({ baseUrl, executionsPrefix, fetch, headers }: Settings): Http {
  const path = (executionId: string): string => `${executionsPrefix}/${encodeURIComponent(executionId)}`

  async function request (path: string, init: RequestInit = {}, ...more: Parameters<typeof headers>): Promise<Response> {
    const url = new URL(path, baseUrl)
    // Credentials are for one origin, and a redirect would carry them on.
    if (url.origin !== baseUrl.origin) throw new TypeError('Not the server.')
    const all = await headers(...more)
    let response: Response
    try {
      response = await fetch(url, { redirect: 'error', headers: all, ...init })
    } catch (error) {
      init.signal?.throwIfAborted()
      throw unreachable(error)
    }
    if (!response.ok) throw await errorOf(response)
    return response
  }

  return {
    request,
    async status (executionId, signal) {
      const document = await readJson(await request(path(executionId), { signal })) as Partial<StatusDocument> | null
      if (document?.seq === undefined) throw unreachable()
      return document as StatusDocument
    },
    events: (executionId, after, signal) => request(`${path(executionId)}/events`, { signal }, { accept: 'text/event-stream', 'last-event-id': `${after}` }),
    async cancel (executionId) {
      await request(`${path(executionId)}/cancel`, { method: 'POST' })
    }
  }
}

/** The body of an answer, which may be cut on its way or be a page of somebody else's. */
export function readJson (response: Response): Promise<unknown> {
  return response.json().catch((cause: unknown) => { throw unreachable(cause) })
}
