/** The look of our own pages, light and dark. */
export const style = `
:root { color-scheme: light dark; --ink: #1c2230; --dim: #5b6475; --paper: #fff; --ground: #eef1f6; --line: #d8dde6; --accent: #2f5bea; --on-accent: #fff; --good: #15803d; --bad: #b42318 }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebf2; --dim: #a3adbf; --paper: #1b212c; --ground: #11151c; --line: #323b4a; --accent: #8aa6ff; --on-accent: #10182b; --good: #5fd38a; --bad: #ff9086 } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; background: var(--ground); color: var(--ink); font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", sans-serif }
main { width: 100%; max-width: 27rem; background: var(--paper); border: 1px solid var(--line); border-radius: 16px; padding: 2rem; box-shadow: 0 12px 40px rgb(15 23 42 / .08) }
.mark { margin: 0 0 1rem; width: 2.75rem; height: 2.75rem; border-radius: 50%; background: var(--accent); display: grid; place-items: center; color: var(--paper); font-weight: 700; font-size: 1.35rem }
.mark::before { content: "?" }
.good .mark { background: var(--good) } .good .mark::before { content: "\\2713" }
.bad .mark { background: var(--bad) } .bad .mark::before { content: "!" }
h1 { margin: 0 0 .5rem; font-size: 1.375rem; line-height: 1.25 }
p { margin: 0 0 1rem }
dl { margin: 0 0 1.5rem; border-top: 1px solid var(--line) }
dl div { display: flex; gap: 1rem; padding: .6rem 0; border-bottom: 1px solid var(--line) }
dt { flex: 0 0 6.5rem; color: var(--dim) }
dd { margin: 0; overflow-wrap: anywhere }
ul { margin: 0; padding: 0; list-style: none }
a:not(.button) { color: var(--accent) }
.actions { display: flex; flex-wrap: wrap; gap: .75rem; margin: 0 }
.button { font: inherit; font-weight: 600; padding: .65rem 1.15rem; border-radius: 10px; border: 1px solid var(--accent); background: var(--accent); color: var(--on-accent); cursor: pointer; text-decoration: none; display: inline-block }
.button.quiet { background: transparent; color: var(--ink); border-color: var(--line) }
.button:hover { filter: brightness(1.08) }
.button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
.field { display: grid; gap: .3rem }
.field input { font: inherit; color: inherit; background: var(--paper); padding: .6rem .75rem; border: 1px solid var(--line); border-radius: 10px; width: 100% }
.field input:focus-visible { outline: 3px solid var(--accent); outline-offset: 1px }
.handle code { display: block; padding: .75rem 1rem; border: 1px solid var(--line); border-radius: 10px; font-size: 1.05rem; user-select: all; overflow-wrap: anywhere }
.hint { color: var(--dim); font-size: .875rem }
[role=alert] { color: var(--bad) }
.choices + form { border-top: 1px solid var(--line); padding-top: 1.25rem; margin-top: .5rem }
.choices .button { display: block; text-align: center; margin-bottom: .75rem }
code { font: .85em ui-monospace, SFMono-Regular, Menlo, monospace }
.detail { margin: 1.5rem 0 0; color: var(--dim); font-size: .875rem; overflow-wrap: anywhere }
`
