import { authorize, currentExecution } from '@consentry/fastify-plugin'

/** An event of the calendar. Times are RFC 3339. */
export interface CalendarEvent {
  id: string
  title: string
  start: string
  end: string
}

/** How long the calendar may take to answer, in milliseconds. */
const patience = 10_000

/**
 * The events of the calendar of whoever this code runs for. Nobody handed the execution in: `authorize()` finds it,
 * and asks its owner when there is no grant yet.
 */
export async function readCalendar (eventsUrl: string): Promise<CalendarEvent[]> {
  const grant = await authorize('calendar', { scopes: ['calendar.read'] })
  const timeout = AbortSignal.timeout(patience)
  const signal = currentExecution()?.signal
  const response = await grant.fetch(eventsUrl, { signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]) })
  if (!response.ok) throw new Error(`the calendar answered with status ${response.status}`)
  const body: unknown = await response.json()
  if (!hasEvents(body)) throw new Error('the calendar answered with something else than events')
  return body.events.map(({ id, title, start, end }) => ({ id, title, start, end }))
}

function hasEvents (body: unknown): body is { events: CalendarEvent[] } {
  return typeof body === 'object' && body !== null && 'events' in body && Array.isArray(body.events) && body.events.every(isEvent)
}

function isEvent (value: unknown): value is CalendarEvent {
  if (typeof value !== 'object' || value === null) return false
  const { id, title, start, end } = value as Record<string, unknown>
  return [id, title, start, end].every((field) => typeof field === 'string')
}
