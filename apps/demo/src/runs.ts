import type { RequiredGrant } from '@consentry/core'
import type { Execution } from '@consentry/fastify-plugin'
import type { FastifyInstance } from 'fastify'
import { fetchForecast } from './runs/forecast.ts'
import { bookFocusTime } from './runs/focus-time.ts'
import { writeReport } from './runs/report.ts'
import { planWalk, walkRequires } from './runs/walk.ts'
import { watchCalendar } from './runs/watch.ts'
import { readWholeWeek } from './runs/whole-week.ts'

export interface RunsOptions {
  /** Where the calendar's events are. */
  eventsUrl: string
  /** Where the week's weather is. */
  weekUrl: string
}

interface Kind {
  requires?: readonly RequiredGrant[]
  run: (execution: Execution) => Promise<unknown>
}

/** One route for each thing that can be asked for: `POST` starts a run for whoever is signed in. */
export async function runs (app: FastifyInstance, { eventsUrl, weekUrl }: RunsOptions): Promise<void> {
  const kinds: Readonly<Record<string, Kind>> = {
    report: { run: async (execution) => writeReport(execution, eventsUrl) },
    'focus-time': { run: async () => bookFocusTime(eventsUrl) },
    'whole-week': { run: async () => readWholeWeek(eventsUrl) },
    watch: { run: async () => watchCalendar(eventsUrl) },
    forecast: { run: async () => fetchForecast(weekUrl) },
    walk: { requires: walkRequires, run: async () => planWalk(eventsUrl, weekUrl) }
  }
  for (const [name, { requires = [], run }] of Object.entries(kinds)) {
    app.post(`/${name}`, { config: { auth: true } }, async (_request, reply) => reply.execution(async (execution) => {
      // For pages that did not start it.
      execution.progress({ kind: name })
      return run(execution)
    }, { requires }))
  }
}
