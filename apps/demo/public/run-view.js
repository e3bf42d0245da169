import './client/prompt.js'
import { h, reconcile, setText } from './dom.js'
import { kindOf } from './kinds.js'
import { buildPrompt, updateIntro } from './question.js'
import { resultOf, spokenResult } from './results.js'
import { endingOf, isOver } from './run.js'

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' })

const badges = {
  running: 'Running',
  oauth_required: 'Waiting for you',
  completed: 'Ready',
  failed: 'Ended',
  cancelled: 'Cancelled',
  forgotten: 'Gone'
}

/** The card of a run. */
export function buildRun (run, state, actions) {
  const prompt = buildPrompt(run, state)
  // Whoever is doing something else is told, and not interrupted.
  prompt.addEventListener('consentry-ask', () => { if (isIdle(document.activeElement)) prompt.focus() })
  return h('article', { class: 'card run' },
    h('header', {}, h('h2', { tabindex: '-1' }), h('span', { class: 'badge' }), h('button', { class: 'button quiet small', type: 'button', click: () => actions.cancel(run.id) }, 'Cancel')),
    prompt,
    h('ol', { class: 'steps', 'aria-label': 'Steps' }),
    h('div', { class: 'end' }))
}

function isIdle (active) {
  return active === null || active === document.body || active.closest('.kinds, .run') !== null
}

export function updateRun (element, run, state, actions) {
  const [header, prompt, steps, end] = element.children
  const [heading, badge, cancel] = header.children
  const over = isOver(run)
  element.dataset.status = run.status
  setText(heading, headingOf(run))
  setText(badge, badges[run.status])
  // Not without a word under the keyboard.
  if (over && cancel === document.activeElement) heading.focus()
  cancel.hidden = over
  updateIntro(prompt, run, state)
  reconcile(steps, run.steps, { key: ({ seq }) => seq, build: () => h('li', {}, h('span', {}), h('time', {})), update: updateStep })
  const key = over ? JSON.stringify([run.status, run.error, run.result, run.kind]) : ''
  if (end.dataset.of === key) return
  end.dataset.of = key
  end.replaceChildren(...ending(run, actions))
}

function headingOf ({ kind, status }) {
  const { running, done, failed } = kindOf(kind)
  if (status === 'completed') return done
  return isOver({ status }) ? failed : running
}

function updateStep (element, { text, state, time, part }) {
  const [words, at] = element.children
  element.dataset.state = state
  setText(words, text)
  at.setAttribute('datetime', time)
  setText(at, part === undefined ? clock.format(new Date(time)) : `${part.done} of ${part.of}`)
  if (part === undefined) return
  const bar = element.querySelector('progress') ?? element.appendChild(h('progress', { 'aria-label': text, max: String(part.of) }))
  bar.value = part.done
}

function ending (run, actions) {
  if (!isOver(run)) return []
  if (run.status === 'completed') return resultOf(run.kind, run.result)
  const [title, text] = endingOf(run)
  return [h('div', { class: 'sorry' },
    h('h3', {}, title),
    h('p', {}, text),
    run.kind !== undefined && h('p', { class: 'actions' }, h('button', { class: 'button', type: 'button', click: () => actions.start(run.kind) }, 'Try again')),
    run.error !== undefined && h('p', { class: 'detail' }, h('code', {}, run.error.code)))]
}

/** What a change of a run sounds like, for those who do not see it. */
export function spoken (before, run, about) {
  if (before?.status === run.status) return undefined
  const [asked, ...more] = run.questions
  if (asked !== undefined) return `Your consent is needed. ${about.providers[asked.provider]?.label ?? asked.provider} is asked for ${asked.scopes.length > 0 ? asked.scopes.join(', ') : 'a key'}.${more.length > 0 ? ' And more.' : ''}`
  if (run.status === 'completed') return `${kindOf(run.kind).ready}${spokenResult(run.kind, run.result)}`
  if (isOver(run)) return endingOf(run).join('. ')
  return before?.status === 'oauth_required' ? 'It goes on.' : 'It has started.'
}
