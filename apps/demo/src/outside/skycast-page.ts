import { createHash } from 'node:crypto'

const css = `
:root { color-scheme: light dark; --ink: #33240a; --soft: #6f5d3c; --page: #fbf3e2; --card: #fffdf8; --line: #eadbb8; --accent: #8a5200 }
@media (prefers-color-scheme: dark) { :root { --ink: #f4ead5; --soft: #c4b491; --page: #1a150b; --card: #262014; --line: #4a3f27; --accent: #ffc766 } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-content: center; gap: 1rem; padding: 1.5rem 1rem; background: var(--page); color: var(--ink); font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", sans-serif }
main { max-width: 27rem; padding: 2rem; background: var(--card); border: 1px solid var(--line); border-radius: 1rem }
.brand { display: flex; align-items: center; gap: .6rem; margin: 0 0 1.5rem; font-weight: 600; color: var(--soft) }
svg { width: 1.75rem; height: 1.75rem; color: var(--accent) }
h1 { margin: 0 0 .5rem; font-size: 1.5rem; line-height: 1.25 }
p { margin: 0 0 1rem }
p:last-child { margin: 0 }
code { display: block; padding: .75rem 1rem; border: 1px solid var(--line); border-radius: .5rem; font: 1.05rem ui-monospace, SFMono-Regular, Menlo, monospace; user-select: all; overflow-wrap: anywhere }
.soft { color: var(--soft); font-size: .875rem }
footer { text-align: center }
`

const headers: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${createHash('sha256').update(css).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff'
}

/** Where people find their key. In real life they would sign in first. */
export function keyPage (key: string): { headers: Readonly<Record<string, string>>, body: string } {
  return {
    headers,
    body: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Your account – Skycast</title>
<style>${css}</style>
</head>
<body>
<main>
<p class="brand"><svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" aria-hidden="true"><circle cx="12" cy="12" r="4.5"/><path d="M12 1.5v2.5M12 20v2.5M1.5 12H4M20 12h2.5M4.6 4.6l1.8 1.8M17.6 17.6l1.8 1.8M4.6 19.4l1.8-1.8M17.6 6.4l1.8-1.8"/></svg>Skycast</p>
<h1>Your API key</h1>
<p>Copy it, go back to the window that asks for it, and paste it there.</p>
<p><code>${key}</code></p>
<p class="soft">It is good until the demo ends.</p>
</main>
<footer class="soft">A weather service for development. Its forecast is made up.</footer>
</body>
</html>
`
  }
}
