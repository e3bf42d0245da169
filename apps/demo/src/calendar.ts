import { authorize, currentExecution, type Grant } from '@consentry/fastify-plugin'

/** An event of the calendar. Times are RFC 3339. */
export interface CalendarEvent {
  id: string
  title: string
  start: string
  end: string
}

/** One person's calendars, each a grant of its own with the account that consented to it. */
export type Profile = 'work' | 'private'

/** What one calendar holds, and whose it is. */
export interface Calendar {
  profile: Profile
  account: string | undefined
  events: CalendarEvent[]
}

/** What reading takes: the events, and the address that tells one account from another. */
export const reading: readonly string[] = ['email', 'calendar.read']

/** How long the calendar may take to answer, in milliseconds. */
const patience = 10_000

/**
 * The events of a calendar of whoever this code runs for. Nobody handed the execution in: `authorize()` finds it, and
 * asks its owner when there is no grant yet.
 */
export async function readCalendar (eventsUrl: string, profile: Profile): Promise<Calendar> {
  const grant = await authorize('calendar', { profile, scopes: reading })
  return { profile, account: grant.account?.email, events: await readEvents(grant, eventsUrl) }
}

/** The events, with a grant that is there already. */
export async function readEvents (grant: Grant, eventsUrl: string): Promise<CalendarEvent[]> {
  const body = await send(grant, eventsUrl)
  if (!hasEvents(body)) throw new Error('the calendar answered with something else than events')
  return body.events.map(eventOf)
}

/** Adds an event. Asks for more than reading does, so its owner is asked once more: the step up. */
export async function addEvent (eventsUrl: string, profile: Profile, event: Omit<CalendarEvent, 'id'>): Promise<CalendarEvent> {
  const grant = await authorize('calendar', { profile, scopes: ['calendar.write'] })
  const added = await send(grant, eventsUrl, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(event) })
  if (!isEvent(added)) throw new Error('the calendar answered with something else than an event')
  return eventOf(added)
}

async function send (grant: Grant, url: string, init: RequestInit = {}): Promise<unknown> {
  const timeout = AbortSignal.timeout(patience)
  const signal = currentExecution()?.signal
  const response = await grant.fetch(url, { ...init, signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]) })
  if (!response.ok) throw new Error(`the calendar answered with status ${response.status}`)
  return response.json()
}

function eventOf ({ id, title, start, end }: CalendarEvent): CalendarEvent {
  return { id, title, start, end }
}

function hasEvents (body: unknown): body is { events: CalendarEvent[] } {
  return typeof body === 'object' && body !== null && 'events' in body && Array.isArray(body.events) && body.events.every(isEvent)
}

function isEvent (value: unknown): value is CalendarEvent {
  if (typeof value !== 'object' || value === null) return false
  const { id, title, start, end } = value as Record<string, unknown>
  return [id, title, start, end].every((field) => typeof field === 'string')
}
