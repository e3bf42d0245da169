import { attribute, elements, textOf } from './html.ts'
import type { Element, parseHtml } from './html.ts'

/** What is typed, chosen or ticked, by the name of the field. */
export type Fields = Readonly<Record<string, string | boolean>>

/** Which form and which button of a page. */
export interface Choice {
  /** The text of the button, or its value or name. The form's first button unless given, as when pressing Enter. */
  button?: string
}

/** What submitting a form requests. */
export interface Submission {
  method: 'GET' | 'POST'
  /** With the fields in its query for GET. */
  url: URL
  /** `application/x-www-form-urlencoded`, for POST. */
  body: string | undefined
}

type Document = ReturnType<typeof parseHtml>

interface Form {
  element: Element
  controls: Element[]
  buttons: Element[]
}

const isButton = (element: Element): boolean => {
  const type = attribute(element, 'type')?.toLowerCase()
  return element.tagName === 'button' ? type === undefined || type === 'submit' : element.tagName === 'input' && (type === 'submit' || type === 'image')
}

const labelOf = (button: Element): string => button.tagName === 'button' ? textOf(button) : attribute(button, 'value') ?? 'Submit'

function formsOf (document: Document): Form[] {
  const all = [...elements(document)]
  return all.filter(({ tagName }) => tagName === 'form').map((element) => {
    const inside = new Set(elements(element))
    const id = attribute(element, 'id')
    const owned = all.filter((candidate) => {
      const owner = attribute(candidate, 'form')
      return owner === undefined ? inside.has(candidate) : owner === id
    })
    const usable = owned.filter((candidate) => attribute(candidate, 'disabled') === undefined)
    return {
      element,
      controls: usable.filter(({ tagName }) => ['input', 'select', 'textarea'].includes(tagName)),
      buttons: usable.filter(isButton)
    }
  })
}

function choose (document: Document, names: readonly string[], button: string | undefined): { form: Form, pressed: Element | undefined } {
  const forms = formsOf(document)
  for (const form of forms) {
    if (!names.every((name) => form.controls.some((control) => attribute(control, 'name') === name))) continue
    const pressed = button === undefined
      ? form.buttons[0]
      : form.buttons.find((candidate) => labelOf(candidate) === button) ??
        form.buttons.find((candidate) => attribute(candidate, 'value') === button || attribute(candidate, 'name') === button)
    if (button === undefined || pressed !== undefined) return { form, pressed }
  }
  const there = forms.map(({ controls, buttons }) =>
    `[${controls.map((control) => attribute(control, 'name') ?? '').filter(Boolean).join(', ')}] with ${buttons.map((candidate) => `"${labelOf(candidate)}"`).join(', ') || 'no button'}`)
  throw new Error(`no form with [${names.join(', ')}]${button === undefined ? '' : ` and "${button}"`}; the page has ${there.join('; ') || 'none'}`)
}

function * entriesOf (control: Element, given: string | boolean | undefined): Generator<string> {
  const type = attribute(control, 'type')?.toLowerCase() ?? 'text'
  const value = attribute(control, 'value')
  if (control.tagName === 'textarea') {
    yield typeof given === 'string' ? given : textOf(control)
  } else if (control.tagName === 'select') {
    const options = [...elements(control)].filter(({ tagName }) => tagName === 'option')
    const chosen = typeof given === 'string'
      ? options.find((option) => (attribute(option, 'value') ?? textOf(option)) === given)
      : options.find((option) => attribute(option, 'selected') !== undefined) ?? options[0]
    if (chosen !== undefined) yield attribute(chosen, 'value') ?? textOf(chosen)
  } else if (type === 'checkbox' || type === 'radio') {
    const on = value ?? 'on'
    const ticked = given === undefined ? attribute(control, 'checked') !== undefined : given === true || given === on
    if (ticked) yield on
  } else if (!['submit', 'image', 'button', 'reset', 'file'].includes(type)) {
    yield typeof given === 'string' ? given : value ?? ''
  }
}

/** Fills in a form of the page and presses a button, as HTML's "form submission algorithm" does. */
export function submission (document: Document, base: URL, fields: Fields, { button }: Choice): Submission {
  const { form: { element, controls }, pressed } = choose(document, Object.keys(fields), button)
  const entries = new URLSearchParams()
  for (const control of controls) {
    const name = attribute(control, 'name')
    if (name === undefined || name === '') continue
    for (const value of entriesOf(control, fields[name])) entries.append(name, value)
  }
  const pressedName = pressed && attribute(pressed, 'name')
  if (pressed !== undefined && pressedName) entries.append(pressedName, attribute(pressed, 'value') ?? '')

  const either = (name: string): string | undefined => (pressed && attribute(pressed, `form${name}`)) ?? attribute(element, name)
  const encoding = either('enctype')
  if (encoding !== undefined && encoding !== 'application/x-www-form-urlencoded') throw new Error(`forms of ${encoding} are not supported`)
  const url = new URL(either('action') || base, base)
  if (either('method')?.toLowerCase() === 'post') return { method: 'POST', url, body: entries.toString() }
  url.search = entries.toString()
  return { method: 'GET', url, body: undefined }
}

/** Whether the page submits its first form by itself: the one use of script that the browser understands. */
export function submitsItself (document: Document): boolean {
  return [...elements(document)].some((element) => element.tagName === 'script' &&
    element.childNodes.some((node) => 'value' in node && /document\.forms\[0\]\.submit\(\)/.test(node.value)))
}
