import { h, reconcile } from './dom.js'
import { nameOfGrant } from './words.js'

const date = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', hour: '2-digit', minute: '2-digit' })

/** Shows what the person is connected to, one entry for each account. `title` takes the focus that an entry took along. */
export function renderConnections ({ list, title }, { connections, about }, { disconnect }) {
  const hadFocus = list.contains(document.activeElement)
  reconcile(list, inOrder(connections), {
    // A renewed access is the same connection.
    key: ({ provider, profile, scopes, account, status }) => JSON.stringify([provider, profile, scopes, account, status]),
    build: (connection) => build(connection, about, disconnect)
  })
  if (hadFocus && !list.contains(document.activeElement)) title.focus()
}

/** Accounts of one provider side by side. */
function inOrder (connections) {
  return connections.toSorted((a, b) => a.provider.localeCompare(b.provider) || b.profile.localeCompare(a.profile))
}

function build ({ provider, profile, scopes, account, status, createdAt }, about, disconnect) {
  const { label = provider, host } = about.providers[provider] ?? {}
  return h('li', {},
    h('div', { class: 'name' }, h('b', {}, label), profile !== 'default' && h('span', { class: 'badge' }, profile), h('span', { class: 'host' }, host)),
    h('p', { class: 'hint' }, account?.email ?? account?.name, (account?.email ?? account?.name) && h('br'), 'Since ', h('time', { datetime: createdAt }, date.format(new Date(createdAt)))),
    scopes.length > 0 && h('ul', { class: 'chips', 'aria-label': 'Scopes' }, scopes.map((scope) => h('li', {}, h('code', {}, scope)))),
    status === 'ended' && h('p', { class: 'hint' }, 'Ended by the provider. What needs it next asks again.'),
    h('button', { class: 'button quiet small', type: 'button', 'aria-label': `Disconnect ${nameOfGrant({ provider, profile }, about)}`, click: () => disconnect(provider, profile) }, 'Disconnect'))
}
