import { step } from '../step.ts'
import { readForecast, type Day } from '../weather.ts'

/** The result of a run. */
export interface Forecast {
  days: Day[]
}

/** Reads the weather with a key that its owner types, the first time. */
export async function fetchForecast (weekUrl: string): Promise<Forecast> {
  await step('Asking for the weather', 400)
  const days = await readForecast(weekUrl)
  await step('Looking at the sky', 500)
  return { days }
}
