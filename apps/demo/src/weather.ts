import { authorize, currentExecution } from '@consentry/fastify-plugin'

/** The weather of one day. */
export interface Day {
  /** RFC 3339, without a time. */
  date: string
  sky: string
  /** Degrees Celsius. */
  high: number
  /** Percent. */
  rain: number
}

/** How long the service may take to answer, in milliseconds. */
const patience = 10_000

/** The forecast for the week. The grant is a key that the person typed; to this code it is a grant like any other. */
export async function readForecast (weekUrl: string): Promise<Day[]> {
  const grant = await authorize('weather')
  const timeout = AbortSignal.timeout(patience)
  const signal = currentExecution()?.signal
  const response = await grant.fetch(weekUrl, { signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]) })
  if (!response.ok) throw new Error(`the weather service answered with status ${response.status}`)
  const body: unknown = await response.json()
  if (!hasDays(body)) throw new Error('the weather service answered with something else than days')
  return body.days.map(({ date, sky, high, rain }) => ({ date, sky, high, rain }))
}

function hasDays (body: unknown): body is { days: Day[] } {
  return typeof body === 'object' && body !== null && 'days' in body && Array.isArray(body.days) && body.days.every(isDay)
}

function isDay (value: unknown): value is Day {
  if (typeof value !== 'object' || value === null) return false
  const { date, sky, high, rain } = value as Record<string, unknown>
  return typeof date === 'string' && typeof sky === 'string' && typeof high === 'number' && typeof rain === 'number'
}
