import type { Account, Claims } from '@consentry/core'
import { ProviderFault, attempt, responseInvalid, unavailable } from './errors.ts'
import type { Fetch } from './fetch.ts'
import { isSubject } from './id-token.ts'
import { accountOf } from './userinfo.ts'

/** Whose secret it is, as a probe found out. */
export interface ProbedAccount {
  /** The account's stable id at the provider. */
  subject: string
  claims?: Claims
}

/**
 * Asks the provider whether a secret works. `request` is a `fetch` that sends it; it rejects with
 * `CONSENTRY_ERR_PROVIDER_UNAVAILABLE` when there is no answer. `false`: the secret is not accepted.
 */
export type Probe = (request: Fetch) => Promise<ProbedAccount | boolean> | ProbedAccount | boolean

/** What came of a probe. */
export type Probed = { readonly accepted: boolean, readonly account?: Account }

export interface ProbeOptions {
  issuer: string
  /** The member of the answer of a URL with the account's stable id. */
  subjectClaim: string | undefined
}

/** Runs the probe: 200 to 299 is yes, 401 and 403 are no, and everything else is an outage. */
export async function runProbe (probe: URL | Probe, request: Fetch, { issuer, subjectClaim }: ProbeOptions): Promise<Probed> {
  return attempt('probe', async () => {
    if (typeof probe === 'function') {
      const found = await probe(request)
      if (typeof found === 'boolean') return { accepted: found }
      if (!isSubject(found.subject)) throw responseInvalid('The subject that the probe found is malformed')
      return { accepted: true, account: { issuer, subject: found.subject, claims: found.claims ?? {} } }
    }
    const response = await request(probe, { headers: { accept: 'application/json' } })
    if (response.status === 401 || response.status === 403) return { accepted: false }
    if (!response.ok) throw unavailable(new ProviderFault('The probe got no answer that can be used', { status: response.status }))
    return { accepted: true, ...subjectClaim !== undefined && { account: await accountOf(response, issuer, subjectClaim) } }
  })
}
