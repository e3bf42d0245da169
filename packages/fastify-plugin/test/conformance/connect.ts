import type { Browser } from '@consentry/testing'
import { call, codeOf, pendingOf, startReport, statusOf, type Status } from '../server.ts'
import { providerText, type Application, type Trial } from './application.ts'
import { behave } from './behave.ts'
import { markOf, silence, type Result } from './result.ts'

/** Connects the provider of the trial, for a run that waits for it. The browser is signed in elsewhere. */
export async function connect (application: Application, { name, op, each }: Trial, browser: Browser): Promise<Result> {
  const before = markOf(op)
  const resource = each.resource === true ? `?${new URLSearchParams({ resource: op.url('resource') }).toString()}` : ''
  const started = await startReport(browser, application, `/run/${name}${resource}`)
  const { connectUrl, flowId } = pendingOf(started)
  const question = await browser.open(connectUrl)
  const page = await question.submit({}, { button: 'continue' })
  if ([providerText, ...op.ledger.secrets].some((secret) => page.text.includes(secret))) throw new Error('the page shows what it must not')
  const granted = page.title === 'Connected'
  const asksAgain = ({ pending = [] }: Status): boolean => pending.some((other) => other.flowId !== flowId)
  const status = await statusOf(browser, application, started.executionId, (status) => !granted || asksAgain(status) || status.status === 'completed' || status.status === 'failed')
  const connected = (await call(browser, application, '/auth/connections')).json<{ connections: Array<{ provider: string, account?: { subject: string, email?: string } }> }>().connections.find(({ provider }) => provider === name)

  if (status.status === 'completed') {
    if (connected === undefined) throw new Error('completed without a grant')
    if (connected.account === undefined) return { outcome: 'accepted, account unknown' }
    if (connected.account.subject !== op.account.sub) throw new Error(`connected with ${connected.account.subject}`)
    if (connected.account.email !== op.account['email']) throw new Error(`connected as ${String(connected.account.email)}`)
    return { outcome: 'accepted' }
  }
  const waits = status.status === 'oauth_required'
  if (granted && asksAgain(status)) {
    await cancel()
    return { outcome: 'asked again' }
  }
  const code = granted ? status.error?.code : codeOf(page)
  const settles = status.status === 'failed'
  if (settles && status.error?.code !== code) throw new Error(`the run failed with ${String(status.error?.code)}, the page says ${String(code)}`)
  if (connected !== undefined && !granted) throw new Error('refused, with a grant')
  const no = silence(op, before)
  const retryAfter = page.headers.get('retry-after')
  if (waits && no === 'token') await answerAgain()
  else if (waits) await cancel()
  return { outcome: 'refused', code, no, keeps: connected !== undefined, settles, ...retryAfter !== null && { retryAfter: Number(retryAfter) } }

  async function cancel (): Promise<void> {
    await call(browser, application, `/executions/${started.executionId}/cancel`, { method: 'POST' })
  }

  /** B8: a wrong answer uses nothing up, so a right one to the same question still counts. */
  async function answerAgain (): Promise<void> {
    behave(op)
    const answered = await (await browser.open(connectUrl)).submit({}, { button: 'continue' })
    if (answered.title !== 'Connected') throw new Error(`a right answer after the wrong one: ${answered.title}`)
    const { status: end } = await statusOf(browser, application, started.executionId, ({ status }) => status === 'completed' || status === 'failed')
    if (end !== 'completed') throw new Error(`the run after a right answer: ${end}`)
  }
}
