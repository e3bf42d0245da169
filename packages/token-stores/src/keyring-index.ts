import { readFile } from './record.ts'

/** Where in the keyring a grant is: in entries that have its generation in their names. */
export interface Generation {
  generation: string
  /** Into how many entries it is split. */
  parts: number
}

/** A generation that is no grant's: it is being written, or is to be removed. */
export interface Loose extends Generation {
  /** The key's id. */
  id: string
  /** Milliseconds since the epoch. */
  since: number
  /** Will never be a grant's, whoever is still writing it. */
  dead: boolean
}

/** What the keyring holds of a service, without secrets. A keyring has no compare-and-set, so this decides what counts. */
export interface KeyringIndex {
  v: 1
  /** By the key's id. The generation is the version. */
  grants: Record<string, Generation>
  loose: Loose[]
}

/** The index that the text holds; an empty one for none. */
export function readIndex (text: string | undefined): KeyringIndex {
  return text === undefined ? { v: 1, grants: {}, loose: [] } : readFile(text, 'grants', 'loose') as KeyringIndex
}

/** Whether the grant is still in the expected version. */
export function isAt ({ grants }: KeyringIndex, id: string, expected: string | undefined): boolean {
  return grants[id]?.generation === expected
}

/** Room for a generation that is about to be written. */
export function announce (index: KeyringIndex, id: string, { generation, parts }: Generation, now: number): KeyringIndex {
  return { ...index, loose: [...index.loose, { id, generation, parts, since: now, dead: false }] }
}

/** Makes what was announced the grant; `undefined` when it was given up meanwhile. What was the grant before is dead. */
export function adopt (index: KeyringIndex, id: string, generation: string, now: number): KeyringIndex | undefined {
  const written = index.loose.find((each) => each.generation === generation && !each.dead)
  if (written === undefined) return undefined
  const { [id]: _replaced, ...grants } = index.grants
  const { parts } = written
  return { v: 1, grants: { ...grants, [id]: { generation, parts } }, loose: [...index.loose.filter((each) => each !== written), ...replaced(index, id, now)] }
}

/** What was written is no grant's, also where it was given up and forgotten meanwhile: it is to be removed. */
export function discard (index: KeyringIndex, id: string, { generation, parts }: Generation, since: number): KeyringIndex {
  return { ...index, loose: [...index.loose.filter((each) => each.generation !== generation), { id, generation, parts, since, dead: true }] }
}

/** Takes the grant away. */
export function drop (index: KeyringIndex, id: string, now: number): KeyringIndex {
  const { [id]: _dropped, ...grants } = index.grants
  return { v: 1, grants, loose: [...index.loose, ...replaced(index, id, now)] }
}

function replaced ({ grants }: KeyringIndex, id: string, since: number): Loose[] {
  const before = grants[id]
  return before === undefined ? [] : [{ id, ...before, since, dead: true }]
}
