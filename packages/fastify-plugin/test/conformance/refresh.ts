import { createBrowser, type Browser, type HostileProvider } from '@consentry/testing'
import { call, codeOf } from '../server.ts'
import type { Application, Trial } from './application.ts'
import { behave } from './behave.ts'
import { connect } from './connect.ts'
import { markOf, silence, type Result } from './result.ts'
import { isSignedIn, signIn } from './sign-in.ts'

const threeTimes = <T>(run: () => Promise<T>): Promise<T[]> => Promise.all([run(), run(), run()])

/** Refreshes a sign-in. */
export async function refreshSignIn (application: Application, trial: Trial): Promise<Result> {
  const { each, op } = trial
  const browser = createBrowser()
  await signIn(application, trial, browser)
  await each.misbehave(op)
  const before = markOf(op)
  const refresh = () => call(browser, application, '/auth/refresh', { method: 'POST' })
  const first = await refresh()
  if (first.status === 200) {
    for (const { status, text } of [...await threeTimes(refresh), ...await threeTimes(refresh)]) if (status !== 200) throw new Error(`a later refresh: ${text}`)
    return { outcome: 'accepted' }
  }
  const asked = markOf(op)
  const no = asked.userinfo > before.userinfo ? 'session' : 'userinfo'
  const keeps = await isSignedIn(browser, application)
  behave(op)
  const again = await refresh()
  if (keeps !== (again.status === 200)) throw new Error(`once it is as it should be again: ${again.text}`)
  return { outcome: 'refused', code: codeOf(first), no, keeps }
}

/** Refreshes a grant, whose first access token has ended before it is used and whose next ones are about to end. */
export async function refreshGrant (application: Application, trial: Trial, browser: Browser): Promise<Result> {
  const { each, op, name } = trial
  behave(op)
  await each.misbehave(op)
  shorten(op)
  const before = markOf(op)
  const result = await connect(application, trial, browser)
  if (result.outcome === 'refused') return { ...result, no: silence(op, before) === 'session' && op.ledger.requests.userinfo.length - before.userinfo <= 1 ? 'userinfo' : 'session' }
  if (result.outcome === 'accepted') {
    for (let round = 0; round < 2; round++) {
      for (const { status, text } of await threeTimes(() => call(browser, application, `/run/${name}`, { method: 'POST' }))) if (status !== 200) throw new Error(`a later run: ${status} ${text}`)
    }
  }
  return result
}

function shorten (op: HostileProvider): void {
  const way = op.overrides.token
  op.overrides.token = async (request, usual, response) => {
    const answer = await (way ?? ((_request, usual) => usual()))(request, usual, response)
    const body = answer?.body as Record<string, unknown> | undefined
    if (answer === undefined || body?.['expires_in'] !== 3600) return answer
    return { ...answer, body: { ...body, expires_in: request.parameters.get('grant_type') === 'refresh_token' ? 30 : 0 } }
  }
}

