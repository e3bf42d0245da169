import { limitOf, number } from './format.ts'
import type { Results } from './results.ts'
import type { Row } from './row.ts'
import { at, line, svg, text } from './svg.ts'
import { measured } from './verdict.ts'

interface Line {
  label: string
  role: 'limit' | 'ours'
  points: ReadonlyArray<{ size: number, value: number }>
}

const [width, panelWidth, panelHeight] = [880, 400, 220]

/** What one more costs, at one, ten and a hundred thousand. */
export function growthChart (rows: readonly Row[], { growth }: Pick<Results, 'growth'>): string {
  const panels = rows.filter(({ growth: grows }) => grows !== undefined).map((row) => ({ row, lines: linesOf(row, growth[row.id] ?? {}) }))
  const body = panels.flatMap(({ row, lines }, index) => panel(row, lines, 24 + (index % 2) * (panelWidth + 32), 24 + Math.floor(index / 2) * (panelHeight + 28)))
  const description = panels.map(({ row, lines }) => `${row.id} ${row.title}: ${lines.map(({ label, points }) => `${label} ${points.map(({ size, value }) => `${number(value)} ${unitOf(row)} at ${number(size)} ${row.growth?.of ?? ''}`).join(', ')}`).join('; ')}.`).join(' ')
  return svg({ width, height: 24 + Math.ceil(panels.length / 2) * (panelHeight + 28), title: 'How cost grows', description, body })
}

function linesOf (row: Row, sizes: Results['growth'][string]): Line[] {
  const metric = row.growth?.metric ?? ''
  const pointsOf = (name: string): Line['points'] => Object.entries(sizes).map(([size, samples]) => ({ size: Number(size), value: measured(samples, name, metric).median }))
  const limit = limitOf(row)
  const lines: Line[] = [{ label: 'ours', role: 'ours', points: pointsOf('ours') }]
  return limit === undefined ? lines : [{ label: limit.label, role: 'limit', points: pointsOf(limit.name) }, ...lines]
}

function panel (row: Row, lines: readonly Line[], left: number, top: number): string[] {
  const sizes = lines[0]?.points.map(({ size }) => size) ?? []
  const most = Math.max(...lines.flatMap(({ points }) => points.map(({ value }) => value))) * 1.2
  const [bottom, plotTop, plotLeft] = [top + panelHeight - 30, top + 44, left + 24]
  const step = (panelWidth - 110) / Math.max(1, sizes.length - 1)
  const x = (index: number): number => plotLeft + index * step
  const y = (value: number): number => bottom - value / most * (bottom - plotTop)
  const drawn = lines.flatMap(({ label, role, points }) => {
    const last = points.at(-1)
    return [
      `<polyline class="${role}-line" points="${points.map(({ value }, index) => `${at(x(index))},${at(y(value))}`).join(' ')}"/>`,
      ...points.flatMap(({ value }, index) => [
        `<circle class="${role === 'ours' ? 'ours' : 'limit-dot'}" cx="${at(x(index))}" cy="${at(y(value))}" r="3.5"/>`,
        text(x(index), y(value) - 8, number(value), role === 'ours' ? 'strong' : 'dim', 'middle')
      ]),
      ...last === undefined ? [] : [text(x(points.length - 1) + 22, y(last.value) + 4, role === 'ours' ? label : 'limit', role === 'ours' ? 'strong' : 'dim')]
    ]
  })
  return [
    text(left, top + 14, `${row.id}  ${row.title}`, 'strong'),
    text(left, top + 31, `${unitOf(row)}, by ${row.growth?.of ?? ''}; limit: ${limitOf(row)?.label ?? ''}`, 'dim'),
    line(plotLeft - 8, bottom, left + panelWidth - 60, bottom, 'grid'),
    ...sizes.map((size, index) => text(x(index), bottom + 18, number(size), 'dim', 'middle')),
    ...drawn
  ]
}

function unitOf (row: Row): string {
  return row.metrics[row.growth?.metric ?? '']?.unit ?? ''
}
