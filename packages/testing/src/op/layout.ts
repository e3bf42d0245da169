import { createHash } from 'node:crypto'

/** HTML that is safe to put into a page. Only `html` makes it. */
export class Html {
  readonly text: string

  constructor (text: string) {
    this.text = text
  }
}

type Value = string | number | Html | readonly Html[] | undefined

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function escape (value: Value): string {
  if (value === undefined) return ''
  if (value instanceof Html) return value.text
  if (typeof value === 'object') return value.map(({ text }) => text).join('')
  return String(value).replace(/[&<>"']/g, (character) => entities[character] ?? '')
}

/** A template whose values are escaped. */
export function html (strings: TemplateStringsArray, ...values: readonly Value[]): Html {
  return new Html(strings.map((string, index) => string + escape(values[index])).join(''))
}

/** What a provider is called and looks like. */
export interface Brand {
  readonly name: string
  readonly look: Look
}

/** `identity` is blue and has a shield, `calendar` is green and has a page of one. */
export type Look = 'identity' | 'calendar'

const identityMark = html`<path d="M12 2.5 4 5.5v6c0 5 3.4 8.6 8 10 4.6-1.4 8-5 8-10v-6z"/><circle cx="12" cy="10" r="2.5"/><path d="M7.8 16.6c.8-1.8 2.4-2.8 4.2-2.8s3.4 1 4.2 2.8"/>`
const calendarMark = html`<rect x="3.5" y="5" width="17" height="16" rx="3"/><path d="M3.5 10h17M8 2.5V7M16 2.5V7M8 14.5h3M8 17.5h6"/>`

const looks: Readonly<Record<Look, { mark: Html, accent: string, accentInTheDark: string }>> = {
  identity: { mark: identityMark, accent: '#1f5fbf', accentInTheDark: '#8ab4f8' },
  calendar: { mark: calendarMark, accent: '#0b6e4f', accentInTheDark: '#6fd3ae' }
}

const cssOf = (look: Look): string => `
:root { color-scheme: light dark; --ink: #1b2430; --soft: #566273; --line: #d5dbe3; --edge: #7c8896; --page: #eef1f5; --card: #fff;
  --accent: ${looks[look].accent}; --on-accent: #fff; --bad: #a3211b; --bad-page: #fdecea; --well: #f4f6f9 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ecf2; --soft: #a5b0bf; --line: #3a4452; --edge: #76839a; --page: #12171e; --card: #1c232d;
    --accent: ${looks[look].accentInTheDark}; --on-accent: #10203a; --bad: #ffb4ab; --bad-page: #3b1d1b; --well: #232c38 }
}
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; min-height: 100dvh; display: flex; flex-direction: column; align-items: center; justify-content: center;
  gap: 1rem; padding: 1.5rem 1rem; background: var(--page); color: var(--ink); font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif }
main { width: 100%; max-width: 26rem; padding: 2rem; background: var(--card); border: 1px solid var(--line); border-radius: 1rem;
  box-shadow: 0 1rem 2.5rem -1.5rem rgb(16 32 58 / .35) }
@media (max-width: 26rem) { main { padding: 1.5rem 1.25rem } }
.brand { display: flex; align-items: center; gap: .6rem; margin: 0 0 1.5rem; font-weight: 600; color: var(--soft) }
.brand svg { width: 1.75rem; height: 1.75rem; color: var(--accent) }
h1 { margin: 0 0 .5rem; font-size: 1.5rem; line-height: 1.25; letter-spacing: -.01em; overflow-wrap: anywhere }
p { margin: 0 0 1rem; overflow-wrap: anywhere }
.soft { color: var(--soft) }
.small { font-size: .875rem }
form { margin: 1.25rem 0 0 }
label { display: block; margin: 0 0 .25rem; font-weight: 600 }
input { width: 100%; margin: 0 0 1rem; padding: .7rem .8rem; font: inherit; color: inherit; background: var(--well);
  border: 1px solid var(--edge); border-radius: .5rem }
input[aria-invalid] { border: 2px solid var(--bad) }
.buttons { display: flex; flex-wrap: wrap; gap: .75rem; margin-top: .5rem }
button { flex: 1 1 8rem; padding: .75rem 1rem; font: inherit; font-weight: 600; border: 1px solid var(--edge); border-radius: .5rem;
  background: transparent; color: inherit; cursor: pointer }
button.main { background: var(--accent); border-color: var(--accent); color: var(--on-accent) }
button:hover { filter: brightness(.94) }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
.error { margin: 0 0 1rem; padding: .75rem 1rem; border-radius: .5rem; background: var(--bad-page); color: var(--bad); font-weight: 600 }
.who, .wishes { background: var(--well); border-radius: .75rem }
.who { display: flex; align-items: center; gap: .75rem; margin: 1rem 0; padding: .75rem 1rem }
.who b, .who span { display: block; overflow-wrap: anywhere }
.who .face { flex: none; display: grid; place-items: center; width: 2.5rem; height: 2.5rem; border-radius: 50%;
  background: var(--accent); color: var(--on-accent); font-weight: 700 }
.wishes { list-style: none; margin: 0 0 1rem; padding: .25rem 1rem }
.wishes li { display: flex; gap: .75rem; padding: .6rem 0; border-top: 1px solid var(--line) }
.wishes li:first-child { border-top: 0 }
fieldset { margin: 0; padding: 0; border: 0 }
legend { padding: 0; margin: 0 0 .5rem }
.wishes label { display: flex; gap: .75rem; margin: 0; font-weight: 400; cursor: pointer; flex: 1 }
.wishes input { flex: none; width: 1.25rem; height: 1.25rem; margin: .15rem 0 0; accent-color: var(--accent) }
.wishes svg { flex: none; width: 1.25rem; height: 1.5rem; color: var(--accent) }
.or { display: flex; align-items: center; gap: .75rem; margin: 1.25rem 0 0; color: var(--soft) }
.or::before, .or::after { content: ""; flex: 1; border-top: 1px solid var(--line) }
.hint { margin: 1.25rem 0 0 }
footer { max-width: 26rem; text-align: center }
`

const headersFor = (css: string): Readonly<Record<string, string>> => ({
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  // No form-action: Chromium applies it to the redirects after a form too, and they lead to the application and beyond.
  'content-security-policy': `default-src 'none'; style-src 'sha256-${createHash('sha256').update(css).digest('base64')}'; base-uri 'none'; frame-ancestors 'none'`,
  // Not no-referrer, under which a form is sent with `Origin: null`.
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff'
})

/** A page, ready to be sent. */
export interface Page {
  headers: Readonly<Record<string, string>>
  body: string
}

/** Puts content into the frame that all pages share. */
export function page ({ name, look }: Brand, title: string, content: Html): Page {
  const css = cssOf(look)
  const document = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} – ${name}</title>
<style>${new Html(css)}</style>
</head>
<body>
<main>
<p class="brand"><svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${looks[look].mark}</svg>${name}</p>
${content}
</main>
<footer class="soft small">A local provider for development: do not type a real password here.</footer>
</body>
</html>
`
  return { headers: headersFor(css), body: document.text }
}
