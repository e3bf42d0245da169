/** How many texts are remembered. */
const most = 10_000

/** JSON that is read again and again under the same key. */
export interface RememberedJson<T> {
  /** What the text says. It is parsed when it is another than the last time; all readers share it, so it cannot be changed. */
  parse (key: string, json: string | undefined): T | undefined
}

/** Remembers what the texts of the newest keys said: nothing is believed that is not in the text at hand. */
export function rememberedJson<T> (): RememberedJson<T> {
  const known = new Map<string, { json: string, value: T }>()

  return {
    parse (key, json) {
      const before = known.get(key)
      if (before !== undefined && before.json === json) return before.value
      known.delete(key)
      if (json === undefined) return undefined
      const value = frozen(JSON.parse(json) as T)
      const [oldest] = known.size < most ? [] : known.keys()
      if (oldest !== undefined) known.delete(oldest)
      known.set(key, { json, value })
      return value
    }
  }
}

function frozen<T> (value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const member of Object.values(value)) frozen(member)
  return Object.freeze(value)
}
