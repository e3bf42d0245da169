import { refusal } from './endpoint.ts'
import { optionsInvalid } from './errors.ts'
import { endpointOption, hostOption, reachOf, scopesOption } from './options.ts'
import type { ConnectionOptions } from './options.ts'
import type { Probe } from './probe.ts'

/** What a provider is whose secret people type themselves. */
export interface FormOptions extends ConnectionOptions {
  /** For people: "Weather". */
  label: string
  /** The host that the secret is for, with its port if that is not 443. Default: that of the URL of `probe`, or of `issuer`. */
  host?: string
  /** More hosts that may get the secret, each in full, as `api.example.com`. No other ever does. */
  resourceHosts?: readonly string[]
  /** Who vouches for the accounts. Default: the origin of the host. */
  issuer?: string
  /** Where people get the secret, for a link. */
  helpUrl?: string
  /** Tells at once whether the secret works: a URL that is asked with it, or a function. Without it, what is typed is believed. */
  probe?: string | URL | Probe
  /** The member of the JSON that the URL of `probe` answers with the account's stable id. Without it the account is not known. */
  subjectClaim?: string
  /** Names for what the secret allows, for requirements that name scopes. The provider knows nothing of them. */
  scopes?: readonly string[]
}

/** The options, checked. */
export interface FormSettings {
  readonly label: string
  readonly host: string
  readonly issuer: string
  readonly helpUrl?: string
  readonly probe: URL | Probe | undefined
  readonly subjectClaim: string | undefined
  readonly scopes: readonly string[]
  /** Why the secret may not go to this URL, in words that hold nothing of it; `undefined` when it may. */
  refuses (url: URL): string | undefined
}

/** @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID` */
export function formSettings (options: FormOptions): FormSettings {
  const reach = reachOf(options)
  const { label, helpUrl, subjectClaim } = options
  if (typeof label !== 'string' || label.trim() === '') throw optionsInvalid('label is missing')
  if (helpUrl !== undefined && (!URL.canParse(helpUrl) || refusal(new URL(helpUrl), reach) !== undefined)) throw optionsInvalid('helpUrl is not an https URL')
  if (subjectClaim !== undefined && (typeof subjectClaim !== 'string' || subjectClaim === '')) throw optionsInvalid('subjectClaim is empty')
  const probe = typeof options.probe === 'function' || options.probe === undefined ? options.probe : new URL(endpointOption('probe', String(options.probe), reach))
  if (subjectClaim !== undefined && !(probe instanceof URL)) throw optionsInvalid('subjectClaim is given, but probe is no URL')
  const vouching = options.issuer === undefined ? undefined : endpointOption('issuer', options.issuer, reach)
  const from = probe instanceof URL ? probe : vouching === undefined ? undefined : new URL(vouching)
  const host = options.host === undefined ? from?.host : hostOption('host', options.host, reach)
  if (host === undefined) throw optionsInvalid('host is missing')
  const hosts = new Set([host, ...(options.resourceHosts ?? []).map((allowed) => hostOption('resourceHosts', allowed, reach))])
  if (probe instanceof URL && !hosts.has(probe.host)) throw optionsInvalid('probe is not on host or resourceHosts')
  return {
    label,
    host,
    issuer: vouching ?? (from?.host === host ? from.origin : `https://${host}`),
    ...helpUrl !== undefined && { helpUrl },
    probe,
    subjectClaim,
    scopes: scopesOption(options.scopes ?? [], ' '),
    refuses: (url) => refusal(url, reach) ?? (hosts.has(url.host) ? undefined : 'is on another host than the provider')
  }
}
