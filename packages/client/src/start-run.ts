import type { Started } from './handle.ts'
import { readJson, type Http } from './http.ts'

/** How a run is started. */
export interface RunOptions {
  /** Ends the waiting here with its reason. The run goes on; `cancel()` ends that. */
  signal?: AbortSignal
  /** Further headers of the request. */
  headers?: Record<string, string>
}

/** Posts the request. A run is followed rather than waited for. */
export async function startRun (http: Http, path: string, body: unknown = {}, { signal = null as never, headers }: RunOptions): Promise<Started> {
  const response = await http.request(path, { method: 'POST', body: JSON.stringify(body), signal }, { 'content-type': 'application/json', prefer: 'respond-async' }, headers)
  const value = response.status === 204 ? undefined : await readJson(response)
  const { executionId } = (value ?? {}) as { executionId?: string }
  return response.status === 202 && executionId !== undefined ? { executionId } : { value }
}
