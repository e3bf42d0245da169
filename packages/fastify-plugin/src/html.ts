/** Markup that was escaped. */
export class Html {
  readonly text: string

  constructor (text: string) {
    this.text = text
  }
}

type Value = Html | string | number | readonly Html[] | undefined

/** A template whose values are escaped, unless they are markup already. */
export function html (strings: TemplateStringsArray, ...values: readonly Value[]): Html {
  return new Html(String.raw({ raw: strings }, ...values.map(markup)))
}

function markup (value: Value): string {
  if (value === undefined) return ''
  if (value instanceof Html) return value.text
  if (typeof value === 'object') return value.map(({ text }) => text).join('')
  return String(value).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
