function matches (source: string, url: URL, self: URL, redirected: boolean): boolean {
  if (source === "'self'") return url.origin === self.origin
  if (source === '*') return url.protocol === 'http:' || url.protocol === 'https:' || url.protocol === self.protocol
  if (/^[a-z][a-z0-9+.-]*:$/i.test(source)) return url.protocol === source.toLowerCase()
  const [, scheme, wildcard, host = '', port, path = ''] = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(\*\.)?([^/:]+|\[[^\]]+\])(?::(\d+|\*))?(\/.*)?$/i.exec(source) ?? []
  const expected = scheme === undefined ? self.protocol : `${scheme.toLowerCase()}:`
  if (url.protocol !== expected && !(expected === 'http:' && url.protocol === 'https:')) return false
  if (wildcard === undefined ? url.hostname !== host.toLowerCase() : !url.hostname.endsWith(`.${host.toLowerCase()}`)) return false
  if (port !== '*' && url.port !== (port ?? '')) return false
  // Paths do not count after a redirect, or a policy could be used to learn where it leads.
  return redirected || path === '' || (path.endsWith('/') ? url.pathname.startsWith(path) : url.pathname === path)
}

/**
 * Whether every `form-action` directive of a page lets a form lead to `url`. Chromium asks this for each redirect after the form too.
 * @see https://www.w3.org/TR/CSP3/#directive-form-action
 */
export function formActionAllows (policies: readonly string[], self: URL, url: URL, redirected: boolean): boolean {
  return policies.flatMap((policy) => policy.split(','))
    .map((policy) => policy.split(';').map((directive) => directive.trim().split(/\s+/)).find(([name]) => name?.toLowerCase() === 'form-action'))
    .every((directive) => directive === undefined || directive.slice(1).some((source) => source !== "'none'" && matches(source, url, self, redirected)))
}
