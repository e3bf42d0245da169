import type { IncomingMessage, ServerResponse } from 'node:http'
import type Provider from 'oidc-provider'
import type { Account, Accounts, LocalEvent } from './accounts.ts'
import type { Calendars } from './calendars.ts'
import { readBody, sendJson } from './http.ts'

/** What the calendar's API needs to know. */
export interface CalendarHouse {
  provider: Provider
  accounts: Accounts
  calendars: Calendars
}

/** The longest title, in characters. */
const longest = 200
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/

/**
 * Answers to a bearer token (RFC 6750): `GET /calendar/events` with the scope `calendar.read`, and `POST` of
 * `{ title, start, end }` with `calendar.write`.
 */
export async function calendar ({ provider, accounts, calendars }: CalendarHouse, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const writes = req.method === 'POST'
  const scope = writes ? 'calendar.write' : 'calendar.read'
  const refuse = (status: number, error?: string): void => {
    const challenge = `Bearer realm="calendar"${error === undefined ? '' : `, error="${error}"`}${status === 403 ? `, scope="${scope}"` : ''}`
    sendJson(res, status, { error: error ?? 'unauthorized' }, { 'www-authenticate': challenge })
  }
  if (!writes && req.method !== 'GET' && req.method !== 'HEAD') {
    sendJson(res, 405, { error: 'method_not_allowed' }, { allow: 'GET, HEAD, POST' })
    return
  }
  const credentials = /^bearer +(\S+)$/i.exec(req.headers.authorization ?? '')
  if (credentials === null) {
    refuse(401)
    return
  }
  const token = await provider.AccessToken.find(credentials[1] ?? '')
  const account = token === undefined ? undefined : accounts.bySub(token.accountId)
  if (token === undefined || account === undefined) refuse(401, 'invalid_token')
  else if (!token.scopes.has(scope)) refuse(403, 'insufficient_scope')
  else if (writes) await add(calendars, account, req, res)
  else sendJson(res, 200, { events: calendars.eventsOf(account) })
}

async function add (calendars: Calendars, account: Account, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const event = readEvent(await readBody(req))
  if (event === undefined) {
    sendJson(res, 400, { error: 'invalid_event' })
    return
  }
  const added = calendars.add(account, event)
  if (added === undefined) sendJson(res, 507, { error: 'calendar_full' })
  else sendJson(res, 201, added)
}

function readEvent (body: string): LocalEvent | undefined {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { title, start, end } = value as Record<string, unknown>
  if (typeof title !== 'string' || title.trim() === '' || title.length > longest) return undefined
  if (!isTime(start) || !isTime(end) || Date.parse(end) <= Date.parse(start)) return undefined
  return { title: title.trim(), start, end }
}

function isTime (value: unknown): value is string {
  return typeof value === 'string' && time.test(value) && !Number.isNaN(Date.parse(value))
}
