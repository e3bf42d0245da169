/** Scopes in words, where this page knows them. */
export const scopeLabels = {
  openid: 'Know which account it is',
  email: 'See the e-mail address of the account',
  'calendar.read': 'See the events in your calendar',
  'calendar.write': 'Add and change events in your calendar',
  'forecast.read': 'Read the weather forecast',
  offline_access: 'Keep this access while you are away'
}

export const inWords = (scope) => scopeLabels[scope] ?? scope

/** A connection by name: a provider, and which of several accounts there. */
export function nameOfGrant ({ provider, profile }, about) {
  const label = about.providers[provider]?.label ?? provider
  return profile === 'default' ? label : `${label}, ${profile}`
}

/** What became of a connection that was ended here. */
export function saidOf ({ provider, profile, disconnected, revoked }, about) {
  const { label, kind } = about.providers[provider]
  if (!disconnected) return `${nameOfGrant({ provider, profile }, about)} was not connected any more.`
  if (kind === 'form') return `Disconnected. Your key for ${label} is forgotten here; to end it, go to ${label}.`
  return revoked ? `Disconnected. ${label} confirmed that the access has ended.` : `Disconnected here. ${label} did not confirm that the access has ended there.`
}

export function plural (count, noun) {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
