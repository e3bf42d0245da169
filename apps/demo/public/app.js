import * as api from './api.js'
import { addedTo, createRun, isOver, readRun } from './run.js'
import { openEvents } from './socket.js'
import { createView, spoken } from './view.js'

const sessionEnded = 'Your session has ended. Sign in to go on.'
const rememberedRun = 'consentry-demo:run'
/** How often runs are read while no socket can be had, in milliseconds. */
const readEvery = 2_000

const state = {
  phase: 'loading',
  link: { state: 'connecting', attempts: 0 },
  runs: [],
  connections: []
}
const runs = new Map()
const view = createView({ write, cancel, signOut, disconnect })
let events
let reading
let scheduled = false
let beginning = false

/** Shows the state once, however much of it changed. */
function changed () {
  if (scheduled) return
  scheduled = true
  queueMicrotask(() => {
    scheduled = false
    view.render(state)
  })
}

async function start () {
  if (beginning) return
  beginning = true
  try {
    const [about, status] = await Promise.all([api.providers(), api.status()])
    Object.assign(state, { about, trouble: undefined })
    if (!status.authenticated) return signedOut(state.notice)
    const [person, connections] = await Promise.all([api.userInfo(), api.connections()])
    Object.assign(state, { phase: 'signed-in', notice: undefined, problem: undefined, person, connections })
    changed()
    await recall()
    listen()
  } catch (error) {
    if (error instanceof api.ApiError && error.status === 401) return signedOut(sessionEnded)
    state.trouble = 'The server cannot be reached. Trying again…'
    setTimeout(() => { void start() }, 3_000)
    changed()
  } finally {
    beginning = false
  }
}

function listen () {
  const { protocol, host } = location
  events = openEvents({
    url: `${protocol === 'https:' ? 'wss' : 'ws'}://${host}/executions/ws`,
    onEvent: take,
    onState: linkChanged,
    onSignedOut: () => { if (!state.leaving) signedOut(sessionEnded) }
  })
  for (const id of runs.keys()) events.follow(id)
}

function linkChanged (name, attempts) {
  const wasLost = state.link.state === 'lost'
  state.link = { state: name, attempts }
  changed()
  if (name === 'open') {
    stopReading()
    if (!wasLost) return
    void readRuns()
    void readConnections()
    return
  }
  // A socket does not say why it was refused.
  if (attempts > 0) void checkSession()
  if (attempts > 1) reading ??= setInterval(() => void readRuns(), readEvery)
}

function stopReading () {
  clearInterval(reading)
  reading = undefined
}

async function checkSession () {
  const status = await api.status().catch(() => undefined)
  if (status?.authenticated === false) signedOut(sessionEnded)
}

/** Takes in what was pushed. */
function take (event) {
  const run = runs.get(event.executionId) ?? addRun(event.executionId)
  if (!addedTo(run, event)) return
  show(run)
  if (event.type === 'oauth_resolved' && event.data.outcome === 'granted') void readConnections()
}

/** Reads what nobody pushes. */
async function readRuns () {
  await Promise.all(state.runs.filter((run) => !isOver(run)).map(({ id }) => readStatus(runs.get(id))))
}

async function readStatus (run) {
  try {
    run.document = await api.execution(run.id)
  } catch (error) {
    if (error.status !== 404) return
    run.forgotten = true
  }
  show(run)
}

function addRun (id) {
  const run = createRun(id)
  runs.set(id, run)
  return run
}

function show (run) {
  // An answer that comes after the sign-out is nobody's.
  if (runs.get(run.id) !== run) return
  const before = state.runs.find(({ id }) => id === run.id)
  const now = readRun(run)
  state.runs = [...state.runs.filter(({ id }) => id !== run.id), now]
  // What a reload brings back.
  if (before === undefined) sessionStorage.setItem(rememberedRun, run.id)
  const text = spoken(before, now, state.about)
  if (text !== undefined) view.announce(text)
  changed()
}

/** Brings back the run that was shown before a reload, also one that is over. */
async function recall () {
  const id = sessionStorage.getItem(rememberedRun)
  if (id === null) return
  try {
    const run = addRun(id)
    run.document = await api.execution(id)
    show(run)
  } catch {
    // It was another person's, or too long ago.
    forget()
  }
}

function forget () {
  sessionStorage.removeItem(rememberedRun)
  runs.clear()
  state.runs = []
}

async function write () {
  await attempt('starting', async () => {
    const document = await api.writeReport()
    const run = runs.get(document.executionId) ?? addRun(document.executionId)
    run.document = document
    show(run)
    events?.follow(run.id)
  })
}

async function cancel (id) {
  await attempt('cancelling', async () => {
    const run = runs.get(id)
    run.document = await api.cancel(id)
    show(run)
  })
}

async function disconnect (provider, profile) {
  await attempt('disconnecting', async () => {
    const { disconnected, revoked } = await api.disconnect(provider, profile)
    const label = state.about.providers[provider]?.label ?? provider
    if (!disconnected) state.said = `${label} was not connected any more.`
    else state.said = revoked ? `Disconnected. ${label} confirmed that the access has ended.` : `Disconnected here. ${label} did not confirm that the access has ended there.`
    await readConnections()
  })
}

async function signOut () {
  await attempt('leaving', async () => {
    const { redirectTo } = await api.signOut()
    signedOut('You are signed out.')
    // The provider has a session of its own.
    if (redirectTo !== null) location.assign(redirectTo)
  })
}

async function readConnections () {
  state.connections = await api.connections().catch(() => state.connections)
  changed()
}

/** Does what a person asked for, and says what went wrong. */
async function attempt (doing, action) {
  if (state[doing]) return
  Object.assign(state, { [doing]: true, problem: undefined })
  if (doing !== 'disconnecting') state.said = undefined
  changed()
  try {
    await action()
  } catch (error) {
    if (error instanceof api.ApiError && error.status === 401) return signedOut(sessionEnded)
    state.problem = error instanceof api.ApiError ? error.message : 'The server cannot be reached. Try again in a moment.'
  } finally {
    state[doing] = false
    changed()
  }
}

function signedOut (notice) {
  events?.close()
  events = undefined
  stopReading()
  forget()
  Object.assign(state, { phase: 'signed-out', notice, person: undefined, connections: [], said: undefined, problem: undefined })
  state.link = { state: 'connecting', attempts: 0 }
  changed()
}

document.addEventListener('visibilitychange', () => {
  if (document.visibilityState !== 'visible') return
  // Another tab may have signed in, or disconnected something, meanwhile.
  if (state.phase === 'signed-out') void start()
  if (state.phase === 'signed-in') void readConnections()
})

// What the provider adds on the way back from its sign-out is of no use here.
if (location.search !== '') history.replaceState(null, '', location.pathname)
changed()
await start()
