import type { Server } from './row.ts'

/** Sends some requests one after the other. Rejects unless each gets the answer that it should. */
export async function tryServer ({ port, requests, check }: Server, count: number): Promise<void> {
  const list = await requests(count)
  for (let index = 0; index < count; index++) {
    const { path, headers } = list[index % list.length] ?? { path: '/', headers: {} }
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers, redirect: 'manual' })
    check({ status: response.status, headers: response.headers, body: await response.text() })
  }
}
