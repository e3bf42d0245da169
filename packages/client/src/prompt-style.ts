/** The look of `<consentry-prompt>`. Pages change it by the custom properties and by `::part()`. */
export const promptStyle = `
:host { display: block; color-scheme: light dark;
  --_accent: var(--consentry-accent, light-dark(#2f5bea, #8aa6ff)); --_on-accent: var(--consentry-on-accent, light-dark(#fff, #10182b));
  --_ink: var(--consentry-ink, light-dark(#1c2230, #e8ebf2)); --_dim: var(--consentry-dim, light-dark(#5b6475, #a3adbf));
  --_paper: var(--consentry-paper, light-dark(#f4f6fd, #1f2736)); --_line: var(--consentry-line, light-dark(#cfd7ee, #3c4a6b));
  --_radius: var(--consentry-radius, 14px) }
:host([hidden]) { display: none }
* { box-sizing: border-box }
p, h3, dl, dd, ul { margin: 0; padding: 0 }
ul { list-style: none }
[part=question] { display: grid; gap: .9rem; padding: 1.25rem; color: var(--_ink); background: var(--_paper); border: 1px solid var(--_line); border-radius: var(--_radius); animation: arrive .35s ease-out }
[part=question] + [part=question], [part=question] + [part=outcome] { margin-top: 1rem }
[part=title] { font-size: 1.125rem; line-height: 1.25 }
[part=facts] > div { display: flex; gap: 1rem; padding: .5rem 0; border-top: 1px solid color-mix(in srgb, var(--_line) 50%, transparent) }
[part=facts] > div:first-child { border-top: 0 }
dt { flex: 0 0 5.5rem; color: var(--_dim) }
dd { min-width: 0; overflow-wrap: anywhere }
code { font: .85em ui-monospace, SFMono-Regular, Menlo, monospace }
[part=host], [part=hint] { color: var(--_dim); font-size: .875rem }
[part=timer] { font-variant-numeric: tabular-nums }
[part=actions] { display: flex; flex-wrap: wrap; gap: .75rem }
[part=continue] { font: inherit; font-weight: 600; line-height: 1.4; padding: .65rem 1.15rem; text-align: center; text-decoration: none; color: var(--_on-accent); background: var(--_accent); border: 1px solid var(--_accent); border-radius: calc(var(--_radius) - 4px) }
[part=continue]:hover { filter: brightness(1.08) }
:focus { outline: none }
:focus-visible { outline: 3px solid var(--_accent); outline-offset: 2px }
[part=outcome]:empty { display: none }
[part=outcome] { color: var(--_dim) }
@keyframes arrive { from { opacity: 0; transform: translateY(6px) } }
@media (prefers-reduced-motion: reduce) { * { animation: none !important } }
@media (max-width: 30rem) { [part=continue] { flex: 1 1 100% } dt { flex-basis: 5rem } }
@media (forced-colors: active) { [part=question], [part=continue] { border: 1px solid } [part=continue] { forced-color-adjust: auto } }
`
