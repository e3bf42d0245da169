/** What a scope covers beside itself, by provider: other names of the same, and narrower scopes. */
export type CoveredScopes = Readonly<Record<string, readonly string[]>>

/** The union, in order of first mention. */
export function unionScopes (a: readonly string[], b: readonly string[]): string[] {
  return [...new Set([...a, ...b])]
}

/** The scopes of `required` that were not granted, neither by name nor by one that covers them. */
export function missingScopes (grant: { scopes: readonly string[] }, required: readonly string[], covered?: CoveredScopes): string[] {
  const granted = new Set(grant.scopes)
  // What is added on the way is visited too, so that covers of covers count.
  if (covered !== undefined) for (const scope of granted) if (Object.hasOwn(covered, scope)) covered[scope]?.forEach((other) => granted.add(other))
  return required.filter((scope) => !granted.has(scope))
}

/** RFC 6749 section 3.3. */
export function isScope (scope: unknown): scope is string {
  return typeof scope === 'string' && /^[\u0021\u0023-\u005b\u005d-\u007e]+$/.test(scope)
}
