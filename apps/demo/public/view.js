import { agenda, plural } from './agenda.js'
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
  setInterval(countDown, 1000)
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
    reconcile(byId('runs'), visibleRuns(state.runs), { key: ({ id }) => id, build: () => buildRun(actions), update: (element, run) => updateRun(element, run, state, actions) })
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
  byId('link').dataset.state = phase === 'signed-in' ? link.state : 'none'
  setText(byId('link'), phase === 'signed-in' ? { open: 'Live', lost: 'Reconnecting…', connecting: '' }[link.state] : '')
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

function buildRun () {
  return h('article', { class: 'card run' },
    h('header', {}, h('h2', { tabindex: '-1' }), h('span', { class: 'badge' })),
    h('div', { class: 'questions' }),
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

function updateRun (element, run, state, actions) {
  const [header, questions, steps, end] = element.children
  element.dataset.status = run.status
  setText(header.firstElementChild, run.status === 'completed' ? 'Your report' : 'Your report is being written')
  if (isOver(run) && run.status !== 'completed') setText(header.firstElementChild, 'No report this time')
  setText(header.lastElementChild, badges[run.status])
  const hadFocus = questions.contains(document.activeElement)
  const asked = questions.childElementCount
  reconcile(questions, run.questions, { key: ({ flowId, scopes }) => `${flowId} ${scopes.join(' ')}`, build: (question) => buildQuestion(question, run, state, actions) })
  // The answered card goes, and the keyboard stays where the report goes on.
  if (hadFocus && !questions.contains(document.activeElement)) header.firstElementChild.focus()
  // Whoever is doing something else is told, and not interrupted.
  else if (questions.childElementCount > asked && isIdle(document.activeElement)) questions.lastElementChild.focus()
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

/** A question that nobody opens but the person: it says where it leads before it is followed. */
function buildQuestion ({ flowId, provider, scopes, connectUrl, expiresAt }, run, { about }, actions) {
  const { label = provider, host = 'its provider' } = about.providers[provider] ?? {}
  const url = URL.canParse(connectUrl) ? new URL(connectUrl) : undefined
  // Whatever was sent, this page leads to its own origin and nowhere else.
  const ours = url?.origin === location.origin
  const [title, text, note] = ['question', 'text', 'note'].map((part) => `${part}-${run.id}-${flowId}`)
  const where = h('p', { class: 'hint', id: note }, ours ? `Opens ${host} in a new window, by way of ${url.host}. It closes when you are done, and the report goes on here.` : 'The address of this question is not one of this application, so there is no link to it.')
  return h('section', { class: 'question', tabindex: '-1', 'aria-labelledby': title, 'aria-describedby': text },
    h('h3', { id: title }, 'Your consent is needed'),
    h('p', { id: text }, 'The report has come to your calendar, and waits here until you answer.'),
    h('dl', {}, rows([
      ['Provider', [h('b', {}, label), h('span', { class: 'host' }, host)]],
      ['Asks for', h('ul', {}, scopes.map((scope) => h('li', {}, wishes[scope] === undefined ? undefined : `${wishes[scope]} `, h('code', {}, scope))))],
      ['For run', h('code', {}, run.id)],
      ['Time left', h('span', { class: 'countdown', role: 'timer', 'data-until': expiresAt }, timeLeft(expiresAt))]
    ])),
    h('p', { class: 'actions' },
      // The window that opens tells us when it is done, and may close itself: hence the opener.
      ours && h('a', { class: 'button', href: url.href, target: '_blank', rel: 'opener', 'aria-describedby': note, click: () => setText(where, `Waiting for your answer at ${host}…`) }, 'Give consent'),
      h('button', { class: 'button quiet', type: 'button', click: () => actions.cancel(run.id) }, 'Cancel the report')),
    where)
}

function timeLeft (until) {
  const seconds = Math.max(0, Math.round((Date.parse(until) - Date.now()) / 1000))
  return seconds === 0 ? 'over' : `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

function countDown () {
  for (const element of document.querySelectorAll('[data-until]')) {
    setText(element, timeLeft(element.dataset.until))
    element.classList.toggle('soon', Date.parse(element.dataset.until) - Date.now() < 60_000)
  }
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
