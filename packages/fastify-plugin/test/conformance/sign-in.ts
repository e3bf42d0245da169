import { createBrowser, type Browser } from '@consentry/testing'
import { call, codeOf } from '../server.ts'
import { providerText, type Application, type Trial } from './application.ts'
import { markOf, silence, type Result } from './result.ts'

export async function isSignedIn (browser: Browser, application: Application): Promise<boolean> {
  return (await call(browser, application, '/auth/status')).json<{ authenticated: boolean }>().authenticated
}

/** Signs in at the provider of the trial, with whatever it does. */
export async function signIn (application: Application, { name, op }: Trial, browser: Browser = createBrowser(), start = `/auth/login/${name}`): Promise<Result> {
  const before = markOf(op)
  const sessions = application.sessionsOf(op)
  const page = await browser.open(application.url + start)
  const session = browser.cookies(application.url).some(({ name }) => name.endsWith('session'))
  if (page.url === `${application.url}/`) {
    const { issuer, subject, name: called } = (await call(browser, application, '/auth/userinfo')).json<{ issuer?: string, subject?: string, name?: string }>()
    if (op.account['name'] !== called) throw new Error(`signed in with the name ${String(called)}`)
    if (application.sessionsOf(op) === sessions) throw new Error('signed in without a session in the store')
    if (issuer !== op.issuer || subject !== op.account.sub) throw new Error(`signed in as ${String(subject)} of ${String(issuer)}`)
    return { outcome: 'accepted' }
  }
  if ([providerText, ...op.ledger.secrets].some((secret) => page.text.includes(secret))) throw new Error('the page shows what it must not')
  if (session || await isSignedIn(browser, application)) throw new Error('refused, with a session')
  if (application.sessionsOf(op) > sessions) throw new Error('refused, with a session in the store')
  const retryAfter = page.headers.get('retry-after')
  return { outcome: 'refused', code: codeOf(page), no: silence(op, before), ...retryAfter !== null && { retryAfter: Number(retryAfter) } }
}
