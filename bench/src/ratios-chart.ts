import { limitOf, number } from './format.ts'
import type { Samples } from './measure.ts'
import type { Results } from './results.ts'
import type { Goal, Row } from './row.ts'
import type { Spread } from './statistics.ts'
import { bar, line, svg, text } from './svg.ts'
import { ratio, verdict } from './verdict.ts'

interface Bar {
  label: string
  role: 'limit' | 'peer' | 'ours'
  value: Spread
  goal?: number
}

interface Group {
  heading: string
  bars: Bar[]
}

const width = 880
const [left, right] = [300, 800]
const [rowHeight, headingHeight] = [19, 30]

/** How fast each way is as a share of the limit; below that, what costs as a share of what the goal allows. */
export function ratiosChart (rows: readonly Row[], { rows: measured }: Pick<Results, 'rows'>): string {
  const shares = rows.flatMap((row) => sharesOfLimit(row, measured[row.id] ?? {}))
  const costs = rows.flatMap((row) => sharesOfGoal(row, measured[row.id] ?? {}))
  const body: string[] = []
  let y = 34
  y = section(body, y, 'How fast, as a share of the limit: longer is better', shares, Math.max(1.05, ...shares.flatMap(({ bars }) => bars.map(({ value }) => value.upper))))
  y = section(body, y + 26, 'What it costs, as a share of what the goal allows: shorter is better', costs, Math.min(3, Math.max(1.2, ...costs.flatMap(({ bars }) => bars.map(({ value }) => value.upper)))))
  return svg({ width, height: y + 8, title: 'Speed beside limits, peers and goals', description: describe([...shares, ...costs]), body })
}

/** Rows whose goal is a share of the limit, where more is better. */
function sharesOfLimit (row: Row, samples: Samples): Group[] {
  const limit = limitOf(row)
  const { rate } = row.metrics
  if (limit === undefined || rate === undefined) return []
  const goalOf = (name: string): number | undefined => row.goals.find(({ metric, variant = 'ours', to }) => metric === 'rate' && variant === name && to === limit.name)?.atLeast
  const bars = row.variants.map((variant): Bar => {
    const goal = goalOf(variant.name)
    return { label: variant.label, role: variant.role, value: ratio(samples, [variant.name, 'rate'], [limit.name, 'rate']), ...goal !== undefined && { goal } }
  })
  // What is many times the limit would leave the others no room; the page has it.
  return [{ heading: `${row.id}  ${row.title}`, bars: bars.filter(({ value }) => value.median < 3) }]
}

/** Goals that say how much something may cost. */
function sharesOfGoal (row: Row, samples: Samples): Group[] {
  const bars = row.goals.filter(({ atMost }) => atMost !== undefined).map((goal): Bar => {
    const { median, lower, upper } = verdict(samples, goal).value
    const most = goal.atMost as number
    return { label: costLabel(row, goal), role: 'ours', value: { median: median / most, lower: lower / most, upper: upper / most }, goal: 1 }
  })
  return bars.length === 0 ? [] : [{ heading: `${row.id}  ${row.title}`, bars }]
}

function costLabel (row: Row, { metric, to, atMost = 0 }: Goal): string {
  const { label = metric, unit = '' } = row.metrics[metric] ?? {}
  return `${label}, ≤ ${number(atMost)} ${to === undefined ? unit : '× limit'}`.trimEnd()
}

function section (body: string[], from: number, title: string, groups: readonly Group[], most: number): number {
  const x = (value: number): number => left + Math.min(Math.max(value, 0), most) / most * (right - left)
  body.push(text(24, from, title, 'heading'), text(right, from, 'goal', 'goal-text', 'end'), line(right - 36, from + 4, right - 36, from - 12, 'goal'))
  let y = from + 8
  for (const { heading, bars } of groups) {
    body.push(text(24, y + 20, heading, 'strong'))
    y += headingHeight
    for (const { label, role, value, goal } of bars) {
      const middle = y + rowHeight / 2 - 2
      body.push(
        text(36, y + 12, label, role === 'ours' ? 'text' : 'dim'),
        bar(left, y + 2, x(value.median) - left, rowHeight - 7, role),
        line(x(value.lower), middle, x(value.upper), middle, 'spread'),
        text(right + 8, y + 12, number(value.median), role === 'ours' ? 'strong' : 'dim')
      )
      if (goal !== undefined) body.push(line(x(goal), y - 1, x(goal), y + rowHeight - 3, 'goal'))
      y += rowHeight
    }
  }
  return y
}

function describe (groups: readonly Group[]): string {
  return groups.map(({ heading, bars }) => `${heading}: ${bars.map(({ label, value, goal }) => `${label} ${number(value.median)}${goal === undefined ? '' : ` (goal ${number(goal)})`}`).join('; ')}.`).join(' ')
}
