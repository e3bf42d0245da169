import { h, reconcile } from './dom.js'
import { inWords, nameOfGrant } from './words.js'

const most = 10
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' })

/** Shows what happened to the person's grants, the newest first. */
export function renderActivity (list, entries, about) {
  reconcile(list, entries.slice(0, most), { key: ({ type, time, provider, profile }) => [time, type, provider, profile].join(), build: (entry) => build(entry, isPart(entry, entries), about) })
}

/** Whether less was granted than was asked for. */
function isPart ({ type, flowId, scopes }, entries) {
  const asked = entries.find((entry) => entry.type === 'started' && entry.flowId === flowId)
  return type === 'granted' && asked !== undefined && asked.scopes.some((scope) => !scopes.includes(scope))
}

function build (entry, part, about) {
  const { type, time, scopes } = entry
  return h('li', { 'data-type': type },
    h('p', {}, h('b', {}, part ? 'You allowed a part' : words(entry)), h('time', { datetime: time }, clock.format(new Date(time)))),
    h('p', { class: 'hint' }, nameOfGrant(entry, about), ' · ', h('code', {}, type)),
    scopes.length > 0 && type !== 'revoked' && h('p', { class: 'unseen' }, scopes.map(inWords).join(', ')))
}

function words ({ type, outcome, confirmed }) {
  if (type === 'failed') return failures[outcome] ?? 'It did not work out'
  if (type === 'revoked') return confirmed ? 'Ended here and there' : 'Ended here'
  return { started: 'You were asked', granted: 'You allowed it', denied: 'You declined', refreshed: 'Access was renewed' }[type] ?? type
}

const failures = {
  expired: 'The question ran out of time',
  cancelled: 'The question was withdrawn',
  superseded: 'A newer question came',
  account_mismatch: 'It was another account',
  provider_error: 'The provider could not answer'
}
