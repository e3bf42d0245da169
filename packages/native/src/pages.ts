import { createHash } from 'node:crypto'
import { errorCodes, type Ending } from '@consentry/core'

/** What the loopback answers with. */
export interface Page {
  status: number
  headers: Readonly<Record<string, string>>
  body: string
}

const style = `:root{color-scheme:light dark}
body{margin:0;min-height:100vh;display:grid;place-items:center;font:1.1rem/1.5 system-ui,sans-serif;background:Canvas;color:CanvasText}
main{max-width:32rem;padding:2rem}
h1{font-size:1.5rem;margin:0 0 .5rem}
code{font-size:.85em;overflow-wrap:anywhere}`

/** The code of the answer leaves the address bar and the history. */
const script = "history.replaceState(null,'','/')"

const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

const headers = Object.freeze({
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src ${hash(style)}; script-src ${hash(script)}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'x-content-type-options': 'nosniff'
})

/** Texts of ours alone; nothing of a request or a provider is shown. */
function page (status: number, title: string, text: string, code?: string): Page {
  const body = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>${style}</style>
<main role="status">
<h1>${title}</h1>
<p>${text}</p>${code === undefined ? '' : `\n<p><code>${code}</code></p>`}
</main>
<script>${script}</script>
`
  return { status, headers, body }
}

/** For whatever is no answer to what was asked. */
export const nothingHere: Page = page(404, 'Nothing here', 'This address belongs to a program that waits for something else.')

/** For an answer that is ours and cannot be used; the program goes on waiting. */
export function unusable (code: keyof typeof errorCodes): Page {
  return page(400, 'This answer cannot be used', `${errorCodes[code].message} Start again from the program.`, code)
}

/** How it ended. Sent when it has. */
export function ended ({ outcome, error }: Ending): Page {
  if (outcome === 'granted') return page(200, 'You are signed in', 'Go back to the program. You can close this window.')
  if (outcome === 'denied') return page(200, 'You declined', 'Nothing was stored. Go back to the program. You can close this window.')
  const code = error ?? (outcome === 'account_mismatch' ? 'CONSENTRY_ERR_ACCOUNT_MISMATCH' : outcome === 'provider_error' ? 'CONSENTRY_ERR_PROVIDER_REFUSED' : 'CONSENTRY_ERR_FLOW_EXPIRED')
  return page(200, 'You are not signed in', `${errorCodes[code].message} Go back to the program.`, code)
}
