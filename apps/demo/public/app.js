import * as api from './api.js'
import { createClient } from './client/index.js'
import { forgetAll, kindNameOf, rememberKind, remembered, rememberShown } from './memory.js'
import { oneAtATime } from './one-at-a-time.js'
import { addedTo, createRun, readRun } from './run.js'
import { spoken } from './run-view.js'
import { createView } from './view.js'
import { saidOf } from './words.js'

const sessionEnded = 'Your session has ended. Sign in to go on.'

const state = {
  phase: 'loading',
  link: 'connecting',
  runs: [],
  connections: [],
  activity: []
}
const runs = new Map()
const view = createView({ start: begin, cancel, signOut, disconnect })
let client
let scheduled = false
let loading = false
/** What is connected, and what happened. */
const readGrants = oneAtATime(readGrantsOnce)

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
  if (loading) return
  loading = true
  try {
    const [about, status] = await Promise.all([api.providers(), api.status()])
    Object.assign(state, { about, trouble: undefined })
    if (!status.authenticated) return signedOut(state.notice)
    const [person, connections, activity] = await Promise.all([api.userInfo(), api.connections(), api.activity()])
    Object.assign(state, { phase: 'signed-in', notice: undefined, problem: undefined, person, connections, activity })
    changed()
    listen()
    recall()
  } catch (error) {
    if (error instanceof api.ApiError && error.status === 401) return signedOut(sessionEnded)
    state.trouble = 'The server cannot be reached. Trying again…'
    setTimeout(() => { void start() }, 3_000)
    changed()
  } finally {
    loading = false
  }
}

function listen () {
  // The page of a process that joined another is served there, and asks here.
  client = state.client = createClient({ connectOrigin: state.about.baseUrl })
  client.onConnection(linkChanged)
  // Also of runs that another tab began.
  client.onOauthRequired(({ executionId }) => { void follow(executionId) })
}

function linkChanged (link, error) {
  if (link === 'open' && state.link === 'lost') void readGrants()
  state.link = link
  if (error !== undefined && error.code !== 'CONSENTRY_CLIENT_UNREACHABLE' && !state.leaving) signedOut(sessionEnded)
  changed()
}

/** Takes in the events of a run to its end: each comes once and in order, whatever happens to the connection. */
async function follow (id) {
  if (runs.has(id)) return
  const run = addRun(id)
  run.handle = client.follow(id)
  try {
    for await (const event of run.handle) take(run, event)
  } catch (error) {
    if (error.status === 401) return signedOut(sessionEnded)
    run.forgotten = true
    show(run)
  }
}

function take (run, event) {
  if (event.type === 'missed' || !addedTo(run, event)) return
  show(run)
  // Grants change as runs go on, and a renewal has no event of its own.
  void readGrants()
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
  run.kind ??= kindNameOf(run.id)
  const now = readRun(run)
  state.runs = [...state.runs.filter(({ id }) => id !== run.id), now]
  // What a reload brings back.
  if (before === undefined) rememberShown(run.id)
  const text = spoken(before, now, state.about)
  if (text !== undefined) view.announce(text)
  changed()
}

/** Brings back the run that was shown before a reload, also one that is over. */
function recall () {
  const id = remembered()
  if (id !== null) void follow(id)
}

function forget () {
  forgetAll()
  runs.clear()
  state.runs = []
}

async function begin (kind) {
  await attempt('starting', async () => {
    const id = await client.run(`/${kind}`).executionId
    rememberKind(id, kind)
    void follow(id)
    const run = runs.get(id)
    run.kind = kind
    show(run)
    view.render(state)
    view.show(id)
  })
}

async function cancel (id) {
  await attempt('cancelling', () => runs.get(id).handle.cancel())
}

async function disconnect (provider, profile) {
  await attempt('disconnecting', async () => {
    state.said = saidOf(await api.disconnect(provider, profile), state.about)
    await readGrants()
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

async function readGrantsOnce () {
  const [connections, activity] = await Promise.all([api.connections(), api.activity()]).catch(() => [state.connections, state.activity])
  if (state.phase !== 'signed-in') return
  Object.assign(state, { connections, activity })
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
    if (error.status === 401) return signedOut(sessionEnded)
    state.problem = error.status !== undefined ? error.message : 'The server cannot be reached. Try again in a moment.'
  } finally {
    state[doing] = false
    changed()
  }
}

function signedOut (notice) {
  // First, so that nothing that it ends is shown.
  forget()
  client?.close()
  client = state.client = undefined
  Object.assign(state, { phase: 'signed-out', notice, person: undefined, connections: [], activity: [], said: undefined, problem: undefined })
  state.link = 'connecting'
  changed()
}

document.addEventListener('visibilitychange', () => {
  if (document.visibilityState !== 'visible') return
  // Another tab may have signed in, or disconnected something, meanwhile.
  if (state.phase === 'signed-out') void start()
  if (state.phase === 'signed-in') void readGrants()
})

// What the provider adds on the way back from its sign-out is of no use here.
if (location.search !== '') history.replaceState(null, '', location.pathname)
changed()
await start()
