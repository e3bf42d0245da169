import type { Browser } from '@consentry/testing'
import { call, startReport } from '../server.ts'
import { providerText, type Application, type Trial } from './application.ts'
import { connect } from './connect.ts'
import type { Result } from './result.ts'

/** Disconnects a provider that was connected as it should be. The grant is gone here whatever the provider makes of that. */
export async function disconnect (application: Application, trial: Trial, browser: Browser): Promise<Result> {
  const { name, op, each } = trial
  const connected = await connect(application, trial, browser)
  if (connected.outcome !== 'accepted') throw new Error(`not connected: ${connected.outcome}`)
  await each.misbehave(op)
  const answer = await call(browser, application, `/auth/connections/${name}`, { method: 'DELETE' })
  if (answer.status !== 200) throw new Error(`answered with ${answer.status}`)
  if ([providerText, ...op.ledger.secrets].some((secret) => answer.text.includes(secret))) throw new Error('the answer holds what it must not')
  const { revoked } = op.ledger
  if (new Set(revoked).size !== revoked.length || revoked.some((token) => !op.ledger.secrets.has(token))) throw new Error('a token was sent again, or another one')
  const kinds = revoked.map((token) => token.slice(0, 2)).join()
  if (kinds !== 'rt,at') throw new Error(`given back: ${kinds}`)
  await assertGone(application, name, browser)
  const { disconnected, revoked: isConfirmed, error } = answer.json<{ disconnected: boolean, revoked: boolean, error?: string }>()
  if (!disconnected || isConfirmed === (error !== undefined)) throw new Error(answer.text)
  return isConfirmed ? { outcome: 'accepted' } : { outcome: 'refused', code: error, no: 'session' }
}

/** Nothing is listed, and the next run asks. */
async function assertGone (application: Application, name: string, browser: Browser): Promise<void> {
  const { connections } = (await call(browser, application, '/auth/connections')).json<{ connections: Array<{ provider: string }> }>()
  if (connections.some(({ provider }) => provider === name)) throw new Error('the grant is still there')
  const { executionId, status } = await startReport(browser, application, `/run/${name}`)
  if (status !== 'oauth_required') throw new Error(`a run after that is ${status}`)
  await call(browser, application, `/executions/${executionId}/cancel`, { method: 'POST' })
}
