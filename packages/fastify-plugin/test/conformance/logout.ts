import { createBrowser } from '@consentry/testing'
import { codeOf } from '../server.ts'
import type { Application, Trial } from './application.ts'
import { markOf, silence, type Result } from './result.ts'
import { isSignedIn, signIn } from './sign-in.ts'

/** The provider sends a logout token for somebody who is signed in. */
export async function logoutToken (application: Application, trial: Trial): Promise<Result> {
  const { each, op, name } = trial
  const browser = createBrowser()
  await signIn(application, trial, browser)
  await each.misbehave(op)
  const before = markOf(op)
  const answer = await fetch(`${application.url}/auth/backchannel-logout/${name}`, { method: 'POST', body: new URLSearchParams({ logout_token: await op.issueLogoutToken('client') }) })
  const code = codeOf({ text: await answer.text() })
  const keeps = await isSignedIn(browser, application)
  if (answer.status === 200 && !keeps) return { outcome: 'accepted' }
  if (answer.status !== 400) throw new Error(`the logout token is answered with ${answer.status}, signed in: ${keeps}`)
  if (silence(op, before) !== 'authorization') throw new Error('a logout token made requests')
  return { outcome: 'refused', code, no: 'session', keeps }
}

/** Somebody signs out by a form of the application, which leads to the provider. */
export async function logout (application: Application, trial: Trial): Promise<Result> {
  const { each, op } = trial
  const browser = createBrowser()
  await signIn(application, trial, browser)
  await each.misbehave(op)
  await (await browser.open(`${application.url}/out`)).submit({}, { button: 'Out' })
  const [asked] = op.ledger.requests.logout
  const { state, ...parameters } = Object.fromEntries(asked?.parameters ?? [])
  if (JSON.stringify(parameters) !== JSON.stringify({ client_id: 'client', post_logout_redirect_uri: `${application.url}/` })) throw new Error(`asked with ${JSON.stringify(parameters)}`)
  if (state === undefined || state.length < 22) throw new Error('no state')
  return await isSignedIn(browser, application) ? { outcome: 'refused', code: undefined, no: 'session', keeps: true } : { outcome: 'accepted' }
}
