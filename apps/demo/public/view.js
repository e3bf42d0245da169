import { renderActivity } from './activity.js'
import { renderConnections } from './connections.js'
import { h, reconcile, rows, setText } from './dom.js'
import { kindOf, kinds } from './kinds.js'
import { buildRun, updateRun } from './run-view.js'
import { isOver } from './run.js'

const byId = (id) => document.getElementById(id)

/** Shows the state. `actions` is what people can do. */
export function createView (actions) {
  byId('kinds').append(...Object.entries(kinds).map(([name, kind]) => buildKind(name, kind, actions)))
  byId('sign-out').addEventListener('click', actions.signOut)
  let shown = ''

  function render (state) {
    if (shown !== state.phase) {
      document.body.dataset.phase = state.phase
      for (const phase of ['loading', 'signed-out', 'signed-in']) byId(phase).hidden = phase !== state.phase
      // A person who was thrown out hears and reads why, wherever the focus was.
      if (shown === 'signed-in') byId('main').focus()
      shown = state.phase
    }
    setText(byId('loading-text'), state.trouble ?? 'One moment…')
    renderWelcome(state)
    renderSession(state)
    if (state.phase !== 'signed-in') return setTitle(state)
    renderHero(state)
    reconcile(byId('runs'), visibleRuns(state.runs), { key: ({ id }) => id, build: (run) => buildRun(run, state, actions), update: (element, run) => updateRun(element, run, state, actions) })
    byId('no-connections').hidden = state.connections.length > 0
    setText(byId('said'), state.said ?? '')
    renderConnections({ list: byId('connections'), title: byId('connections-title') }, state, actions)
    byId('no-activity').hidden = state.activity.length > 0
    renderActivity(byId('activity'), state.activity, state.about)
    setTitle(state)
  }

  return { render, announce: (text) => setText(byId('announcer'), text), show: (id) => showRun(id) }
}

function buildKind (name, { title, about }, { start }) {
  const choice = h('button', { class: 'kind', type: 'button', 'aria-labelledby': `${name}-title`, 'aria-describedby': `${name}-about` },
    h('b', { id: `${name}-title` }, title), h('span', { id: `${name}-about` }, about))
  choice.addEventListener('click', () => { if (choice.getAttribute('aria-disabled') !== 'true') start(name) })
  return h('li', {}, choice)
}

/** Brings what the person has just started to where they look. */
function showRun (id) {
  const heading = [...byId('runs').children].find(({ dataset }) => dataset.key === id)?.querySelector('h2')
  // A question that was faster has the focus already.
  if (document.activeElement?.closest('.run') == null) heading?.focus()
}

/** The newest, and whatever else is still running. */
function visibleRuns (runs) {
  const newestFirst = runs.toSorted((a, b) => b.startedAt.localeCompare(a.startedAt))
  return newestFirst.filter((run, index) => index === 0 || !isOver(run))
}

function setTitle ({ phase, runs }) {
  const live = phase === 'signed-in' ? visibleRuns(runs) : []
  if (live.some(({ status }) => status === 'oauth_required')) document.title = '(1) Your consent is needed · Consentry demo'
  else if (live[0]?.status === 'completed') document.title = `${kindOf(live[0].kind).ready} · Consentry demo`
  else document.title = 'Consentry demo'
}

function renderWelcome ({ notice, about }) {
  byId('notice').hidden = notice === undefined
  setText(byId('notice'), notice ?? '')
  const people = about?.people ?? []
  byId('people').hidden = people.length === 0
  setText(byId('people'), `You will be asked at ${about?.providers[about.login]?.host}. The accounts there are ${people.join(' and ')}; any password will do.`)
}

function renderSession ({ phase, person, link }) {
  const name = person === undefined ? '' : nameOf(person)
  byId('session').hidden = phase !== 'signed-in'
  setText(byId('who'), name)
  setText(byId('face'), name.slice(0, 1).toUpperCase())
  byId('link').dataset.state = phase === 'signed-in' ? link : 'none'
  setText(byId('link'), phase === 'signed-in' ? { open: 'Live', lost: 'Reconnecting…', connecting: '', closed: '' }[link] : '')
}

function renderHero ({ person, runs, starting, problem }) {
  setText(byId('hello'), `Hello, ${person.givenName ?? nameOf(person)}`)
  const busy = String(starting === true || runs.some((run) => !isOver(run)))
  for (const choice of document.querySelectorAll('.kind')) choice.setAttribute('aria-disabled', busy)
  byId('problem').hidden = problem === undefined
  setText(byId('problem'), problem ?? '')
  const facts = [
    ['Name', nameOf(person)],
    ['E-mail', person.email],
    ['From', new URL(person.issuer).host],
    ['By', person.source === 'session' ? 'a session of this browser' : person.source],
    ['Groups', person.groups.length > 0 ? h('ul', { class: 'chips' }, person.groups.map((group) => h('li', {}, group))) : undefined]
  ]
  const key = JSON.stringify(person)
  if (byId('person').dataset.of === key) return
  byId('person').dataset.of = key
  byId('person').replaceChildren(...rows(facts))
}

function nameOf ({ name, preferredUsername, email, subject }) {
  return name ?? preferredUsername ?? email ?? subject
}
