import { agenda, plural } from './agenda.js'
import './client/prompt.js'
import { h, reconcile, rows, setText } from './dom.js'
import { endingOf, isOver } from './run.js'

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const date = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', hour: '2-digit', minute: '2-digit' })

/** Scopes in words, where this page knows them. */
const wishes = { 'calendar.read': 'See the events in your calendar', offline_access: 'Keep this access while you are away' }

const byId = (id) => document.getElementById(id)

/** Shows the state. `actions` is what people can do. */
export function createView (actions) {
  byId('write').addEventListener('click', () => {
    if (byId('write').getAttribute('aria-disabled') !== 'true') actions.write()
  })
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
    reconcile(byId('runs'), visibleRuns(state.runs), { key: ({ id }) => id, build: (run) => buildRun(run, state, actions), update: (element, run) => updateRun(element, run, actions) })
    renderConnections(state, actions)
    setTitle(state)
  }

  return { render, announce: (text) => setText(byId('announcer'), text) }
}

/** The newest, and whatever else is still running. */
function visibleRuns (runs) {
  const newestFirst = [...runs].sort((a, b) => b.startedAt.localeCompare(a.startedAt))
  return newestFirst.filter((run, index) => index === 0 || !isOver(run))
}

function setTitle ({ phase, runs }) {
  const live = phase === 'signed-in' ? visibleRuns(runs) : []
  if (live.some(({ status }) => status === 'oauth_required')) document.title = '(1) Your consent is needed · Consentry demo'
  else if (live[0]?.status === 'completed') document.title = 'Your report is ready · Consentry demo'
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
  byId('write').setAttribute('aria-disabled', String(starting || runs.some((run) => !isOver(run))))
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

function buildRun (run, { client }, actions) {
  return h('article', { class: 'card run' },
    h('header', {}, h('h2', { tabindex: '-1' }), h('span', { class: 'badge' })),
    buildPrompt(run, client, actions),
    h('ol', { class: 'steps', 'aria-label': 'Steps' }),
    h('div', { class: 'end' }))
}

function isIdle (active) {
  return active === null || active === document.body || active === byId('write') || active.closest('.run') !== null
}

const badges = {
  running: 'Running',
  oauth_required: 'Waiting for you',
  completed: 'Ready',
  failed: 'Not written',
  cancelled: 'Cancelled',
  forgotten: 'Gone'
}

/** The run's questions. They open nothing but by the person's click, and say where that leads. */
function buildPrompt ({ id }, client, actions) {
  const prompt = h('consentry-prompt', { execution: id },
    h('p', { slot: 'intro' }, 'The report has come to your calendar, and waits here until you answer.'),
    h('button', { slot: 'actions', class: 'button quiet', type: 'button', click: () => actions.cancel(id) }, 'Cancel the report'))
  // The page says it for all of its parts.
  prompt.texts = { continueTo: () => 'Give consent', announced: () => '' }
  prompt.scopeLabels = wishes
  // Whoever is doing something else is told, and not interrupted.
  prompt.addEventListener('consentry-ask', () => { if (isIdle(document.activeElement)) prompt.focus() })
  prompt.client = client
  return prompt
}

function updateRun (element, run, actions) {
  const [header, , steps, end] = element.children
  element.dataset.status = run.status
  setText(header.firstElementChild, run.status === 'completed' ? 'Your report' : 'Your report is being written')
  if (isOver(run) && run.status !== 'completed') setText(header.firstElementChild, 'No report this time')
  setText(header.lastElementChild, badges[run.status])
  reconcile(steps, run.steps, { key: ({ seq }) => seq, build: () => h('li', {}, h('span', {}), h('time', {})), update: updateStep })
  const key = isOver(run) ? JSON.stringify([run.status, run.error, run.result]) : ''
  if (end.dataset.of !== key) {
    end.dataset.of = key
    end.replaceChildren(...ending(run, actions))
  }
}

function updateStep (element, { text, state, time }) {
  element.dataset.state = state
  setText(element.firstElementChild, text)
  element.lastElementChild.setAttribute('datetime', time)
  setText(element.lastElementChild, clock.format(new Date(time)))
}

function ending (run, actions) {
  if (!isOver(run)) return []
  if (run.status === 'completed') return [agenda(run.result?.events ?? [])]
  const [title, text] = endingOf(run)
  return [h('div', { class: 'sorry' },
    h('h3', {}, title),
    h('p', {}, text),
    h('p', { class: 'actions' }, h('button', { class: 'button', type: 'button', click: actions.write }, 'Try again')),
    run.error === undefined ? undefined : h('p', { class: 'detail' }, h('code', {}, run.error.code)))]
}

function renderConnections ({ connections, about, said }, actions) {
  byId('no-connections').hidden = connections.length > 0
  setText(byId('said'), said ?? '')
  const hadFocus = byId('connections').contains(document.activeElement)
  reconcile(byId('connections'), connections, {
    key: (connection) => JSON.stringify(connection),
    build: (connection) => buildConnection(connection, about, actions)
  })
  if (hadFocus && !byId('connections').contains(document.activeElement)) byId('connections-title').focus()
}

function buildConnection ({ provider, profile, scopes, account, status, updatedAt }, about, actions) {
  const { label = provider, host } = about.providers[provider] ?? {}
  return h('li', {},
    h('div', {},
      h('b', {}, label, profile === 'default' ? undefined : ` (${profile})`),
      host && h('span', { class: 'host' }, host)),
    h('p', { class: 'hint' }, account?.email ?? account?.name, (account?.email ?? account?.name) && h('br'), 'Since ', h('time', { datetime: updatedAt }, date.format(new Date(updatedAt)))),
    h('ul', { class: 'chips', 'aria-label': 'Scopes' }, scopes.map((scope) => h('li', {}, h('code', {}, scope)))),
    status === 'ended' && h('p', { class: 'hint' }, 'Ended by the provider. The next report asks again.'),
    h('button', { class: 'button quiet small', type: 'button', 'aria-label': `Disconnect ${label}`, click: () => actions.disconnect(provider, profile) }, 'Disconnect'))
}

/** What a change of a run sounds like, for those who do not see it. */
export function spoken (before, run, about) {
  if (before?.status === run.status) return undefined
  const asked = run.questions[0]
  if (asked !== undefined) return `Your consent is needed. ${about.providers[asked.provider]?.label ?? asked.provider} is asked for ${asked.scopes.join(', ')}.`
  if (run.status === 'completed') return `Your report is ready: ${plural(run.result?.events?.length ?? 0, 'event')}.`
  if (isOver(run)) return endingOf(run).join('. ')
  return before?.status === 'oauth_required' ? 'The report goes on.' : 'The report has started.'
}
