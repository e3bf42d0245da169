import * as api from './api.js'
import { rows } from './dom.js'

const byId = (id) => document.getElementById(id)
const time = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })

async function load () {
  const { sessions, providers } = await api.overview()
  byId('sessions').replaceChildren(...rows(sessions.map(({ createdAt }, index) => [`Browser ${index + 1}`, `since ${time.format(new Date(createdAt))}`])))
  byId('providers').replaceChildren(...rows(providers.map(({ label, host }) => [label, host])))
}

async function signOutEverywhere () {
  const { redirectTo } = await api.signOut({ everywhere: true })
  location.assign(redirectTo ?? '/')
}

function tell (error) {
  byId('problem').hidden = false
  byId('problem').textContent = error.message
}

byId('everywhere').addEventListener('click', () => { signOutEverywhere().catch(tell) })
load().catch(tell)
