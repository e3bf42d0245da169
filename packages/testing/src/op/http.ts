import type { IncomingMessage, ServerResponse } from 'node:http'

const maxBody = 16 * 1024

/** Reads a body of at most 16 KiB. */
export async function readBody (req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBody) throw new Error('body too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** Reads a form (`application/x-www-form-urlencoded`). */
export async function readForm (req: IncomingMessage): Promise<URLSearchParams> {
  return new URLSearchParams(await readBody(req))
}

/** Answers with a body of text. */
export function send (res: ServerResponse, status: number, headers: Record<string, string>, body: string): void {
  res.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) })
  res.end(body)
}

/** Answers with JSON that nobody may store. */
export function sendJson (res: ServerResponse, status: number, value: unknown, headers: Record<string, string> = {}): void {
  send(res, status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', ...headers }, JSON.stringify(value))
}

/** Answers with a redirect that is always followed by GET. */
export function redirect (res: ServerResponse, location: string): void {
  send(res, 303, { location, 'cache-control': 'no-store' }, '')
}
