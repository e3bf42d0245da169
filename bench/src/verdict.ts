import type { Samples } from './measure.ts'
import type { Goal } from './row.ts'
import { spread, type Spread } from './statistics.ts'

/** What became of a goal. */
export interface Verdict {
  goal: Goal
  value: Spread
  met: boolean
}

/** The metric of one variant, over the rounds. */
export function measured (samples: Samples, variant: string, metric: string): Spread {
  return spread(valuesOf(samples, variant, metric))
}

/** One metric over another, by the pairs of each round: what disturbs a round disturbs both. */
export function ratio (samples: Samples, [variant, metric]: [string, string], [to, toMetric]: [string, string]): Spread {
  const others = valuesOf(samples, to, toMetric)
  return spread(valuesOf(samples, variant, metric).map((value, round) => value / (others[round] ?? Number.NaN)))
}

export function verdict (samples: Samples, goal: Goal): Verdict {
  const { metric, variant = 'ours', to, toMetric = metric, atLeast = -Infinity, atMost = Infinity } = goal
  const value = to === undefined ? measured(samples, variant, metric) : ratio(samples, [variant, metric], [to, toMetric])
  return { goal, value, met: value.median >= atLeast && value.median <= atMost }
}

function valuesOf (samples: Samples, variant: string, metric: string): number[] {
  return (samples[variant] ?? []).map((sample) => sample[metric] ?? Number.NaN)
}
