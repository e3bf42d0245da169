import type { TokenSet } from '@consentry/core'

const graph = 'https://graph.microsoft.com/'

// Delegated permissions that contain others: https://learn.microsoft.com/graph/permissions-reference
const contained: Readonly<Record<string, readonly string[]>> = {
  'User.Read': [],
  'User.ReadWrite': ['User.Read'],
  'User.ReadBasic.All': [],
  'User.Read.All': ['User.ReadBasic.All', 'User.Read'],
  'Mail.ReadBasic': [],
  'Mail.Read': ['Mail.ReadBasic'],
  'Mail.ReadWrite': ['Mail.Read', 'Mail.ReadBasic'],
  'Mail.Send': [],
  'Calendars.ReadBasic': [],
  'Calendars.Read': ['Calendars.ReadBasic'],
  'Calendars.ReadWrite': ['Calendars.Read', 'Calendars.ReadBasic'],
  'Contacts.Read': [],
  'Contacts.ReadWrite': ['Contacts.Read'],
  'Files.Read': [],
  'Files.ReadWrite': ['Files.Read'],
  'Files.Read.All': ['Files.Read'],
  'Files.ReadWrite.All': ['Files.Read.All', 'Files.ReadWrite', 'Files.Read'],
  'Sites.Read.All': [],
  'Sites.ReadWrite.All': ['Sites.Read.All'],
  'Tasks.Read': [],
  'Tasks.ReadWrite': ['Tasks.Read'],
  'Notes.Read': [],
  'Notes.ReadWrite': ['Notes.Read']
}

const isGraph = (scope: string) => scope.startsWith(graph)
/** Without the resource a scope is Graph's; case does not count. */
const bare = (scope: string) => (isGraph(scope) ? scope.slice(graph.length) : scope).toLowerCase()
/** A permission of Graph that is written without it: neither a scope of OpenID Connect nor one of another resource. */
const isShort = (scope: string) => /^[A-Z][A-Za-z]*(\.[A-Za-z]+)+$/.test(scope)

/** `User.Read` is `https://graph.microsoft.com/User.Read`, and both cover what they contain, in both spellings. */
export function coveredScopes (more: readonly string[]): Readonly<Record<string, readonly string[]>> {
  const names = new Set([...Object.keys(contained), ...more.map((scope) => isGraph(scope) ? scope.slice(graph.length) : scope).filter(isShort)])
  return Object.freeze(Object.fromEntries([...names].flatMap((name) => {
    const within = (Object.hasOwn(contained, name) ? contained[name] ?? [] : []).flatMap((scope) => [scope, graph + scope])
    return [[name, [graph + name, ...within]], [graph + name, [name, ...within]]]
  })))
}

/**
 * What was granted. The answer lists permissions of the resource, in a spelling of its own, and leaves out what is not
 * about a resource: https://learn.microsoft.com/entra/identity-platform/scopes-oidc
 */
export function grantedScopes ({ scopes, idToken, refreshToken }: TokenSet, asked: readonly string[]): readonly string[] | undefined {
  if (scopes === undefined) return undefined
  const spelled = new Map(asked.map((scope) => [bare(scope), scope]))
  const unlisted = asked.filter((scope) => {
    if (scope === 'offline_access') return refreshToken !== undefined
    // `.default` stands for a list that the answer has instead.
    return (['openid', 'profile', 'email'].includes(scope) && idToken !== undefined) || scope.endsWith('.default')
  })
  return [...new Set([...scopes.map((scope) => spelled.get(bare(scope)) ?? scope), ...unlisted])]
}
