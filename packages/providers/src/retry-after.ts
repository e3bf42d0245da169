/** The longest wait that is passed on, in milliseconds. */
const longestWait = 86_400_000

/** `Retry-After` (RFC 9110 section 10.2.3) in milliseconds from `now` on. */
export function retryAfter (value: string | null, now: number): number | undefined {
  if (value === null) return undefined
  const wait = /^\d+$/.test(value) ? Number(value) * 1000 : /[A-Za-z]{3}/.test(value) ? Date.parse(value) - now : Number.NaN
  return Number.isNaN(wait) ? undefined : Math.min(Math.max(wait, 0), longestWait)
}
