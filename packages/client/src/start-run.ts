import type { Started } from './handle.ts'
import { readJson, type Http } from './http.ts'

/** How a run is started. */
export interface RunOptions {
  /** Ends the waiting here with its reason. The run goes on; `cancel()` ends that. */
  signal?: AbortSignal
  /** Further headers of the request. */
  headers?: Record<string, string>
}

/** Posts the request. The run is followed rather than waited for, unless the server or `headers` want it otherwise. */
export async function startRun (http: Http, path: string, body: unknown = {}, { signal = null as never, headers }: RunOptions): Promise<Started> {
  const response = await http.request(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer: 'respond-async', ...headers },
    body: JSON.stringify(body),
    signal
  })
  const value = response.status === 204 ? undefined : await readJson(response)
  return response.status === 202
    ? { executionId: (value as { executionId?: string }).executionId }
    // It ended before it needed anyone: its status is at the link.
    : { executionId: /([^/]+)>; rel="describedby"/.exec(response.headers.get('link') ?? '')?.[1], ended: { value } }
}
