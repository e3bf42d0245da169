// Writes docs/grant-states.md by asking the state machine; with --check says whether it is stale.
import { grantState } from '../../packages/core/dist/src/index.js'
import { writeOrCheck } from './page.mjs'

const minute = 60_000
const now = 1_700_000_000_000
const account = { issuer: 'https://github.com', subject: 'octocat', claims: {} }
const requirement = { scopes: ['repo'], account }
const good = {
  v: 1, accessToken: '', tokenType: 'bearer', refreshToken: '', scopes: ['repo'], requestedScopes: ['repo'], account,
  createdAt: now - 60 * minute, updatedAt: now - 60 * minute, expiresAt: now + 60 * minute
}
const { refreshToken: _, ...noRefresh } = good

const grants = [
  { name: 'none', grant: undefined },
  { name: 'good', grant: good },
  { name: 'near its expiry, with a refresh token', grant: { ...good, expiresAt: now + minute / 2 } },
  { name: 'near its expiry, without one', grant: { ...noRefresh, expiresAt: now + minute / 2 } },
  { name: 'expired, with a refresh token', grant: { ...good, expiresAt: now } },
  { name: 'expired, without one', grant: { ...noRefresh, expiresAt: now } },
  { name: 'lacks a scope', grant: { ...good, scopes: [] } },
  { name: 'of another account', grant: { ...good, account: { ...account, subject: 'other' } } },
  { name: 'ended by the provider (`invalid_grant`)', grant: { ...good, endedAt: now - minute } }
]
const settled = (outcome) => ({ status: 'settled', outcome })
const flows = [
  { name: 'none', situations: [undefined] },
  { name: 'pending or claimed', situations: [{ status: 'pending' }, { status: 'claimed' }] },
  { name: 'waited for: `granted`', situations: [settled('granted')] },
  { name: 'waited for: any other outcome', situations: ['denied', 'cancelled', 'expired', 'superseded', 'account_mismatch', 'provider_error'].map(settled) }
]

function cell (grant, situations) {
  const states = new Set(situations.map((flow) => grantState({ grant, flow, requirement, now, refreshBuffer: minute })))
  if (states.size !== 1) throw new Error(`one column, several states: ${[...states].join()}`)
  return `\`${[...states][0]}\``
}

const rows = grants.map(({ name, grant }) => `| ${name} | ${flows.map(({ situations }) => cell(grant, situations)).join(' | ')} |`)

const page = `# The states of a grant

<!-- Written by \`npm run docs:states\` from the state machine. Do not edit. -->

Where a grant stands for one who needs it is a pure function of four things: the grant that is stored, the flow that is pending for its key (or was waited for), the requirement, and the time. It is \`grantState\` in [grant-state.ts](../packages/core/src/grant-state.ts).

| grant | flow: ${flows.map(({ name }) => name).join(' | ')} |
| --- | ${flows.map(() => '---').join(' | ')} |
${rows.join('\n')}

| state | what follows |
| --- | --- |
| \`skip_auth\` | The grant is handed out. |
| \`do_refresh\` | The access token is renewed, by one request for all who want it, then the grant is handed out. When the provider answers \`invalid_grant\`, the grant has ended: \`do_auth\`. Any other failure is an error, never a question; until it expires, the old token is handed out. |
| \`no_session\` | A flow begins, and its question goes to the person. |
| \`do_auth\` | The same; the flow asks for what was granted before too, and is held to the same account. The grant stays as it is until the answer is there. |
| \`pending_resolve\` | The flow is joined. Before a browser was sent to the provider its scopes grow to the union. |
| \`resolved\` | The person answered, and gave less, or another account: an error that says so. Nobody is asked again. |

A grant of a provider that asks nobody (client credentials, token exchange) counts as one with a refresh token: it is obtained anew in the same way.

How each outcome of a flow ends for those who wait for it:

| outcome | \`authorize()\` |
| --- | --- |
| \`granted\` | resolves, once the grant is looked at again |
| \`denied\` | \`CONSENTRY_ERR_CONSENT_DENIED\` |
| \`cancelled\` | \`CONSENTRY_ERR_FLOW_CANCELLED\` |
| \`expired\` | \`CONSENTRY_ERR_FLOW_EXPIRED\` |
| \`superseded\` | \`CONSENTRY_ERR_FLOW_SUPERSEDED\` |
| \`account_mismatch\` | \`CONSENTRY_ERR_ACCOUNT_MISMATCH\` |
| \`provider_error\` | the provider's error |
`

await writeOrCheck('docs/grant-states.md', 'docs:states', page)
