/** What a client may say over the WebSocket. */
export type ClientMessage =
  | { type: 'auth', method: 'jwt' | 'api_key' | 'basic', token?: string, username?: string, password?: string }
  | { type: 'subscribe', executionId: string, after?: number }
  | { type: 'unsubscribe' | 'cancel', executionId: string }
  | { type: 'ping', id?: string | number }

/** The message in a text frame; `undefined` for anything that is not one. */
export function readMessage (text: string): ClientMessage | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { type, id, executionId, after, method, token, username, password } = value as Record<string, unknown>
  switch (type) {
    case 'ping':
      return isOptional(id, 'string') || typeof id === 'number' ? { type, ...present({ id: id as string }) } : undefined
    case 'subscribe':
      if (!isId(executionId) || !(after === undefined || (Number.isSafeInteger(after) && (after as number) >= 0))) return undefined
      return { type, executionId, ...present({ after: after as number }) }
    case 'unsubscribe':
    case 'cancel':
      return isId(executionId) ? { type, executionId } : undefined
    case 'auth':
      if (method !== 'jwt' && method !== 'api_key' && method !== 'basic') return undefined
      if (![token, username, password].every((text) => isOptional(text, 'string'))) return undefined
      return { type, method, ...present({ token: token as string, username: username as string, password: password as string }) }
    default:
      return undefined
  }
}

function isId (value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= 128
}

function isOptional (value: unknown, type: 'string'): boolean {
  return value === undefined || typeof value === type
}

/** Without what was not sent. */
function present<T extends object> (members: T): Partial<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Partial<T>
}
