import { readFileSync } from 'node:fs'
import { ConsentryError } from '@consentry/core'
import type { Provider } from '@consentry/core'
import { optionsInvalid } from './errors.ts'
import type { ConnectionOptions } from './options.ts'
import type { ProviderType, VariableKind } from './provider-type.ts'
import { providerTypes } from './provider-types.ts'

const prefix = 'CONSENTRY_'

/** A provider that the environment names. */
interface Named {
  /** As in its variables: `CORP` of `CONSENTRY_CORP_TYPE`. */
  readonly name: string
  readonly type: ProviderType
}

/**
 * The providers that the environment describes, by their names in lower case: `CONSENTRY_CORP_TYPE=oidc`,
 * `CONSENTRY_CORP_ISSUER`, `CONSENTRY_CORP_CLIENT_ID`, `CONSENTRY_CORP_CLIENT_SECRET` or `CONSENTRY_CORP_CLIENT_SECRET_FILE`
 * make `corp`. `shared` goes to all of them. An empty variable is one that is not set; one with blanks around its value is
refused, as neither keeping nor dropping them could be told from what was meant.
 *
 * @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; its `cause` names every variable that is missing, unknown or wrong,
 * and no value
 */
export function providersFromEnv (env: Readonly<Record<string, string | undefined>> = process.env, shared: ConnectionOptions = {}): Record<string, Provider> {
  const problems: string[] = []
  const set = new Map(Object.entries(env).flatMap(([name, value]) => name.startsWith(prefix) && value !== undefined && value !== '' ? [[name, value] as const] : []))
  const named = namedProviders(set, problems)
  const values = new Map(named.map(({ name }) => [name, new Map<string, string>()]))
  for (const [variable, value] of set) {
    const owner = ownerOf(variable, named)
    if (owner !== undefined) values.get(owner.name)?.set(variable.slice(prefix.length + owner.name.length + 1), value)
    // Whoever registered a client meant to use it.
    else if (/_CLIENT_(ID|SECRET|SECRET_FILE)$/.test(variable) && !set.has(typeOf(variable))) problems.push(`${typeOf(variable)} is missing`)
  }
  const providers = named.flatMap(({ name, type }) => {
    const provider = create(name, type, { values: values.get(name) ?? new Map<string, string>(), shared, problems })
    return provider === undefined ? [] : [[name.toLowerCase(), provider] as const]
  })
  if (problems.length > 0) throw optionsInvalid([...new Set(problems)].join('; '))
  return Object.fromEntries(providers)
}

function namedProviders (set: ReadonlyMap<string, string>, problems: string[]): Named[] {
  return [...set].flatMap(([variable, value]) => {
    const [, name = ''] = /^CONSENTRY_([A-Z0-9_]+)_TYPE$/.exec(variable) ?? []
    if (name === '') return []
    // What routes and `authorize()` can name; `basic` is the plugin's own.
    if (!/^[A-Z][A-Z0-9_]{0,63}$/.test(name) || name === 'BASIC') problems.push(`${variable} has a name that no provider can have`)
    else if (hasBlanksAround(value)) problems.push(`${variable} ${blanksAround}`)
    else if (!Object.hasOwn(providerTypes, value)) problems.push(`${variable} is none of ${Object.keys(providerTypes).join(', ')}`)
    else return [{ name, type: providerTypes[value] as ProviderType }]
    return []
  }).toSorted((one, other) => other.name.length - one.name.length)
}

/** One name may begin like another: a variable belongs to the longest that knows it, else to the longest. */
function ownerOf (variable: string, named: readonly Named[]): Named | undefined {
  const candidates = named.filter(({ name }) => variable.startsWith(`${prefix}${name}_`))
  return candidates.find(({ name, type }) => optionOf(type, variable.slice(prefix.length + name.length + 1)) !== undefined) ?? candidates[0]
}

function create (name: string, type: ProviderType, { values, shared, problems }: { values: ReadonlyMap<string, string>, shared: ConnectionOptions, problems: string[] }): Provider | undefined {
  const variableOf = (option: string) => `${prefix}${name}_${suffixOf(option)}`
  const before = problems.length
  const options: Record<string, unknown> = { ...shared }
  for (const [suffix, value] of values) {
    const option = optionOf(type, suffix)
    if (suffix === 'TYPE') continue
    if (option === undefined) problems.push(`${prefix}${name}_${suffix} is unknown`)
    else if (suffix === suffixOf(option)) assign(options, option, () => parse(type.options[option], value), problems, variableOf(option))
    else if (values.has(suffixOf(option))) problems.push(`${variableOf(option)} and ${variableOf(option)}_FILE are both set`)
    else assign(options, option, () => fileContent(value), problems, `${variableOf(option)}_FILE`)
  }
  for (const option of type.required) {
    if (!values.has(suffixOf(option)) && !values.has(`${suffixOf(option)}_FILE`)) problems.push(`${variableOf(option)} is missing`)
  }
  if (problems.length > before) return undefined
  try {
    return type.create(options)
  } catch (error) {
    const reason = ConsentryError.is(error) && error.cause instanceof TypeError ? error.cause.message : 'the options cannot be used'
    const told = reason.replace(/\b[a-z]\w*/g, (word) => Object.hasOwn(type.options, word) ? variableOf(word) : word)
    problems.push(told.startsWith(prefix) ? told : `${prefix}${name}_TYPE: ${told}`)
    return undefined
  }
}

/** Sets the option, unless `read` says what is wrong with the variable. */
function assign (options: Record<string, unknown>, option: string, read: () => { value: unknown } | { problem: string }, problems: string[], variable: string): void {
  const found = read()
  if ('problem' in found) problems.push(`${variable} ${found.problem}`)
  else options[option] = found.value
}

const blanksAround = 'begins or ends with a blank or a line break'

function hasBlanksAround (value: string): boolean {
  return value !== value.trim()
}

function parse (kind: VariableKind | undefined, value: string): { value: unknown } | { problem: string } {
  if (kind !== 'list' && hasBlanksAround(value)) return { problem: blanksAround }
  switch (kind) {
    case 'list':
      return { value: value.split(/[\s,]+/).filter((member) => member !== '') }
    case 'flag':
      return value === 'true' || value === 'false' ? { value: value === 'true' } : { problem: 'is neither true nor false' }
    case 'number':
      return /^\d{1,15}$/.test(value) ? { value: Number(value) } : { problem: 'is not a whole number' }
    default:
      return { value }
  }
}

/** A secret that is mounted, without the line break that editors put at its end. */
function fileContent (path: string): { value: string } | { problem: string } {
  try {
    const value = readFileSync(path, 'utf8').replace(/\r?\n$/, '')
    return hasBlanksAround(value) ? { problem: `names a file that ${blanksAround}` } : { value }
  } catch {
    return { problem: 'cannot be read' }
  }
}

/** The option that a suffix such as `CLIENT_ID` or `CLIENT_SECRET_FILE` sets. */
function optionOf ({ options }: ProviderType, suffix: string): string | undefined {
  return Object.keys(options).find((option) => suffix === suffixOf(option) || (options[option] === 'secret' && suffix === `${suffixOf(option)}_FILE`))
}

/** `clientId` is `CLIENT_ID`. */
function suffixOf (option: string): string {
  return option.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()
}

function typeOf (variable: string): string {
  return variable.replace(/_CLIENT_(ID|SECRET|SECRET_FILE)$/, '_TYPE')
}
