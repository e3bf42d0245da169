import type { Client } from './client.ts'
import { promptStyle } from './prompt-style.ts'
import { promptTexts, type PromptTexts } from './prompt-texts.ts'
import type { Question } from './questions.ts'

export { promptTexts, type PromptTexts } from './prompt-texts.ts'

// Importable where there is no page, such as on a server that renders.
const Base: typeof HTMLElement = globalThis.HTMLElement ?? Object

/**
 * `<consentry-prompt>`: shows the questions of a `client`, what each leads to, and how it ended. Opens nothing but by the
 * person's click. With an `execution` attribute, the questions of that run alone. Fires `consentry-ask` and
 * `consentry-answer`, which bubble, with `{ question }` and `{ question, outcome }` as their `detail`.
 *
 * Parts: `question`, `title`, `facts`, `host`, `scope`, `timer`, `actions`, `continue`, `hint`, `outcome`. Slots: `intro`, and `actions` for
 * further buttons. Custom properties: `--consentry-accent`, `-on-accent`, `-ink`, `-dim`, `-paper`, `-line`, `-radius`.
 */
export class ConsentryPrompt extends Base {
  static readonly observedAttributes: readonly string[] = ['execution']

  /** Scopes in words. For questions that come from now on. */
  scopeLabels: Readonly<Record<string, string>> = (this as Partial<ConsentryPrompt>).scopeLabels ?? {}
  #texts = promptTexts
  #client: Client | undefined
  #stop: (() => void) | undefined
  #timer: ReturnType<typeof setInterval> | undefined
  readonly #cards = new Map<string, { question: Question, card: HTMLElement }>()
  readonly #questions = h('div', {})
  readonly #intro = h('slot', { name: 'intro' })
  readonly #actions = h('slot', { name: 'actions' })
  readonly #outcome = h('p', { part: 'outcome', tabindex: '-1' })
  readonly #spoken = h('p', { role: 'status', class: 'spoken' })

  constructor () {
    super()
    const sheet = new CSSStyleSheet()
    // A sheet of the document's own making is no inline style to a Content Security Policy.
    sheet.replaceSync(`${promptStyle}.spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap }`)
    const root = this.attachShadow({ mode: 'open' })
    root.adoptedStyleSheets = [sheet]
    root.append(this.#questions, this.#outcome, this.#spoken)
  }

  /** Whose questions are shown. */
  get client (): Client | undefined { return this.#client }
  set client (client: Client | undefined) {
    this.#client = client
    this.#begin()
  }

  /** What it says; what is not given stays English. For questions that come from now on. */
  set texts (texts: Partial<Omit<PromptTexts, 'outcomes'>> & { outcomes?: Partial<PromptTexts['outcomes']> }) { this.#texts = { ...promptTexts, ...texts, outcomes: { ...promptTexts.outcomes, ...texts.outcomes } } }
  get texts (): PromptTexts { return this.#texts }

  /** Called by the browser when the element is in a page: it listens from now on. */
  connectedCallback (): void {
    // What was set before the element was defined hides what reads it.
    for (const name of ['texts', 'client'] as const) {
      if (!Object.hasOwn(this, name)) continue
      const value = this[name]
      Reflect.deleteProperty(this, name)
      Object.assign(this, { [name]: value })
    }
    this.#listen()
  }

  /** Called by the browser when an attribute that matters has changed: other questions are shown from now on. */
  attributeChangedCallback (): void { this.#begin() }

  /** Called by the browser when the element leaves the page: it listens no longer. */
  disconnectedCallback (): void {
    this.#stop?.()
    this.#stop = undefined
    clearInterval(this.#timer)
  }

  /** Moves the keyboard to the first question. */
  override focus (options?: FocusOptions): void {
    this.#questions.querySelector<HTMLElement>('[part=question]')?.focus(options)
  }

  /** Anew: what is shown belongs to what was set before. */
  #begin (): void {
    for (const { card } of this.#cards.values()) card.remove()
    this.#cards.clear()
    setText(this.#outcome, '')
    if (this.isConnected) this.#listen()
  }

  #listen (): void {
    this.disconnectedCallback()
    if (this.#client === undefined) return
    this.#stop = this.#client.onOauthRequired((question) => { this.#ask(question) })
    this.#timer = setInterval(() => { this.#countDown() }, 1000)
  }

  #ask (question: Question): void {
    const execution = this.getAttribute('execution')
    if (execution !== null && execution !== question.executionId) return
    const known = this.#cards.get(question.flowId)
    if (known?.question === question) return
    const card = this.#build(question)
    this.#cards.set(question.flowId, { question, card })
    if (known === undefined) this.#questions.append(card)
    else known.card.replaceWith(card)
    this.#placeSlots()
    setText(this.#outcome, '')
    setText(this.#spoken, this.#texts.announced(question))
    this.#fire('consentry-ask', { question })
    void question.outcome.then((outcome) => {
      const shown = this.#cards.get(question.flowId)
      // Asked again with more, it is that one's to end.
      if (shown?.question !== question) return
      const hadFocus = shown.card.contains(this.shadowRoot?.activeElement ?? null)
      shown.card.remove()
      this.#cards.delete(question.flowId)
      this.#placeSlots()
      const { outcomes } = this.#texts
      const text = (Object.hasOwn(outcomes, outcome ?? '') ? outcomes[outcome ?? 'over'] : outcomes.over)(question)
      setText(this.#outcome, text)
      setText(this.#spoken, text)
      if (hadFocus) this.#outcome.focus()
      this.#fire('consentry-answer', { question, outcome })
    })
  }

  #fire (type: string, detail: object): void {
    this.dispatchEvent(new CustomEvent(type, { bubbles: true, composed: true, detail }))
  }

  #build (question: Question): HTMLElement {
    const { label, host, scopes, connectUrl, expiresAt } = question
    const texts = this.#texts
    const hint = h('p', { part: 'hint', id: `hint-${question.flowId}` }, connectUrl === undefined ? texts.noLink : texts.hint(question))
    const link = connectUrl === undefined ? [] : [h('a', { part: 'continue', href: connectUrl, target: '_blank', rel: 'opener', 'aria-describedby': hint.id }, texts.continueTo(question))]
    link[0]?.addEventListener('click', (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return
      // Blocked, it is still a link.
      if (question.open() !== null) event.preventDefault()
      setText(hint, texts.waiting(question))
    })
    const rows: Array<[string, Node]> = [
      [texts.provider, h('span', {}, h('b', { id: `label-${question.flowId}` }, label), ' ', h('span', { part: 'host' }, host))],
      [texts.asksFor, h('ul', {}, ...scopes.map((scope) => h('li', { part: 'scope' }, Object.hasOwn(this.scopeLabels, scope) ? `${this.scopeLabels[scope]} ` : '', h('code', {}, scope))))],
      [texts.run, h('code', {}, question.executionId)],
      [texts.timeLeft, h('span', { part: 'timer', role: 'timer' }, this.#timeLeft(expiresAt))]
    ]
    return h('section', { part: 'question', tabindex: '-1', 'aria-labelledby': `title-${question.flowId} label-${question.flowId}` },
      h('h3', { part: 'title', id: `title-${question.flowId}` }, texts.title),
      h('dl', { part: 'facts' }, ...rows.map(([term, value]) => h('div', {}, h('dt', {}, term), h('dd', {}, value)))),
      h('p', { part: 'actions' }, ...link),
      hint)
  }

  /** The page's own part is in the first question, whichever that is by now. */
  #placeSlots (): void {
    const [first] = this.#questions.children
    if (first === undefined || first.contains(this.#intro)) return
    first.querySelector('[part=title]')?.after(this.#intro)
    first.querySelector('[part=actions]')?.append(this.#actions)
  }

  #timeLeft (until: string): string {
    const seconds = Math.round((Date.parse(until) - Date.now()) / 1000)
    return !(seconds > 0) ? this.#texts.timeOver : `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
  }

  #countDown (): void {
    for (const { question, card } of this.#cards.values()) {
      const timer = card.querySelector('[part=timer]')
      if (timer !== null) setText(timer, this.#timeLeft(question.expiresAt))
    }
  }
}

/** Text stays text: there is no way to markup from here. */
function h (tag: string, attributes: Record<string, string>, ...children: Array<Node | string>): HTMLElement {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
  element.append(...children)
  return element
}

/** Says something new only when it is new, or screen readers would say it again. */
function setText (element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

declare global {
  interface HTMLElementTagNameMap {
    'consentry-prompt': ConsentryPrompt
  }
}

if (globalThis.customElements?.get('consentry-prompt') === undefined) globalThis.customElements?.define('consentry-prompt', ConsentryPrompt)
