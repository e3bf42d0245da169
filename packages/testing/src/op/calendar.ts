import type { IncomingMessage, ServerResponse } from 'node:http'
import type Provider from 'oidc-provider'
import type { Accounts } from './accounts.ts'
import { sendJson } from './http.ts'

/** An event of a calendar. Times are RFC 3339, in UTC. */
export interface CalendarEvent {
  id: string
  title: string
  start: string
  end: string
}

type Entry = [title: string, start: string, end: string]

const calendars: Readonly<Record<string, readonly Entry[]>> = {
  alice: [
    ['Planning for the quarter', '2026-01-12T09:00:00Z', '2026-01-12T10:30:00Z'],
    ['Lunch with Priya', '2026-01-13T12:00:00Z', '2026-01-13T13:00:00Z'],
    ['Budget review', '2026-01-14T14:00:00Z', '2026-01-14T15:00:00Z'],
    ['Interview: platform engineer', '2026-01-15T10:00:00Z', '2026-01-15T11:00:00Z'],
    ['Dentist', '2026-01-16T08:15:00Z', '2026-01-16T08:45:00Z']
  ],
  bob: [
    ['Stand-up', '2026-01-12T08:30:00Z', '2026-01-12T08:45:00Z'],
    ['Release 4.2 go or no-go', '2026-01-13T15:00:00Z', '2026-01-13T15:30:00Z'],
    ['Pairing on the importer', '2026-01-14T09:30:00Z', '2026-01-14T11:30:00Z'],
    ['Football', '2026-01-15T17:00:00Z', '2026-01-15T18:30:00Z']
  ]
}

const everyone: readonly Entry[] = [
  ['Team meeting', '2026-01-12T13:00:00Z', '2026-01-12T14:00:00Z'],
  ['Focus time', '2026-01-14T09:00:00Z', '2026-01-14T12:00:00Z'],
  ['Demo day', '2026-01-16T13:00:00Z', '2026-01-16T14:00:00Z']
]

/** The events of one account; always the same. */
function eventsOf (username: string): CalendarEvent[] {
  return (calendars[username] ?? everyone).map(([title, start, end], index) => ({ id: `${username}-${index + 1}`, title, start, end }))
}

/** Answers `GET /calendar/events` to a bearer token with the scope `calendar.read` (RFC 6750). */
export async function calendar (provider: Provider, accounts: Accounts, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const refuse = (status: number, error?: string): void => {
    const challenge = `Bearer realm="calendar"${error === undefined ? '' : `, error="${error}"`}${status === 403 ? ', scope="calendar.read"' : ''}`
    sendJson(res, status, { error: error ?? 'unauthorized' }, { 'www-authenticate': challenge })
  }
  if (req.method !== 'GET' && req.method !== 'HEAD') {
    sendJson(res, 405, { error: 'method_not_allowed' }, { allow: 'GET, HEAD' })
    return
  }
  const credentials = /^bearer +(\S+)$/i.exec(req.headers.authorization ?? '')
  if (credentials === null) {
    refuse(401)
    return
  }
  const token = await provider.AccessToken.find(credentials[1] ?? '')
  const account = token === undefined ? undefined : accounts.bySub(token.accountId)
  if (token === undefined || account === undefined) {
    refuse(401, 'invalid_token')
  } else if (!token.scopes.has('calendar.read')) {
    refuse(403, 'insufficient_scope')
  } else {
    sendJson(res, 200, { events: eventsOf(account.username) })
  }
}
