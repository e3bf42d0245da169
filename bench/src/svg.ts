/** Text in XML. */
function escaped (text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** Text of a class at a place. */
export function text (x: number, y: number, content: string, name = 'text', anchor: 'start' | 'middle' | 'end' = 'start'): string {
  return `<text x="${at(x)}" y="${at(y)}" class="${name}"${anchor === 'start' ? '' : ` text-anchor="${anchor}"`}>${escaped(content)}</text>`
}

export function line (x1: number, y1: number, x2: number, y2: number, name: string): string {
  return `<line x1="${at(x1)}" y1="${at(y1)}" x2="${at(x2)}" y2="${at(y2)}" class="${name}"/>`
}

export function bar (x: number, y: number, width: number, height: number, name: string): string {
  return `<rect x="${at(x)}" y="${at(y)}" width="${at(Math.max(width, 1))}" height="${at(height)}" rx="2" class="${name}"/>`
}

/** A tenth of a unit is finer than what anybody sees. */
export function at (value: number): string {
  return String(Math.round(value * 10) / 10)
}

export interface Drawing {
  width: number
  height: number
  title: string
  /** What the drawing shows, for who cannot see it. */
  description: string
  body: readonly string[]
}

/** A picture with a text in its place, legible on light and dark, in the fonts that are there. */
export function svg ({ width, height, title, description, body }: Drawing): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${at(height)}" role="img" aria-labelledby="title desc" font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif">
  <title id="title">${escaped(title)}</title>
  <desc id="desc">${escaped(description)}</desc>
  <style>
    .ground { fill: #ffffff }
    .heading { fill: #1c2230; font-size: 14px; font-weight: 650 }
    .text { fill: #1c2230; font-size: 12px }
    .strong { fill: #1c2230; font-size: 12px; font-weight: 650 }
    .dim { fill: #5b6475; font-size: 12px }
    .ours { fill: #2f5bea }
    .peer { fill: #a3adbf }
    .limit { fill: #d8dde6 }
    .grid { stroke: #e6e9ef }
    .spread { stroke: #1c2230; stroke-width: 1.5 }
    .goal { stroke: #b4501e; stroke-width: 2 }
    .goal-text { fill: #b4501e; font-size: 12px }
    .ours-line { stroke: #2f5bea; stroke-width: 2; fill: none }
    .limit-line { stroke: #8a94a6; stroke-width: 2; fill: none }
    .limit-dot { fill: #8a94a6 }
    @media (prefers-color-scheme: dark) {
      .ground { fill: #161b24 }
      .heading, .text, .strong { fill: #e8ebf2 }
      .dim { fill: #a3adbf }
      .ours { fill: #8aa6ff }
      .peer { fill: #65718a }
      .limit { fill: #3b4557 }
      .grid { stroke: #2a3342 }
      .spread { stroke: #e8ebf2 }
      .goal { stroke: #f0a070 }
      .goal-text { fill: #f0a070 }
      .ours-line { stroke: #8aa6ff }
    }
  </style>
  <rect class="ground" width="${width}" height="${at(height)}" rx="8"/>
  ${body.join('\n  ')}
</svg>
`
}
