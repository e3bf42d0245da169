import type { IncomingMessage, ServerResponse } from 'node:http'
import type Provider from 'oidc-provider'
import type { InteractionResults } from 'oidc-provider'
import type { Account, Accounts } from './accounts.ts'
import { readForm, redirect, send } from './http.ts'
import type { Brand, Page } from './layout.ts'
import { consentPage, fieldOf, notePage, signInPage } from './pages.ts'
import type { SignIn } from './pages.ts'

/** What the pages need to know. */
export interface House {
  brand: Brand
  accounts: Accounts
  provider: Provider
}

type Details = Awaited<ReturnType<Provider['interactionDetails']>>

interface Visit {
  house: House
  details: Details
  req: IncomingMessage
  res: ServerResponse
}

const text = (value: unknown): string => typeof value === 'string' ? value : ''

function show (res: ServerResponse, status: number, { headers, body }: Page): void {
  send(res, status, { ...headers }, body)
}

async function finish ({ house, req, res }: Visit, result: InteractionResults): Promise<void> {
  redirect(res, await house.provider.interactionResult(req, res, result, { mergeWithLastSubmission: true }))
}

function accountOf ({ house, details }: Visit): Account | undefined {
  return details.session === undefined ? undefined : house.accounts.bySub(details.session.accountId)
}

/** New wishes only, where something was granted before; all of them when consent is asked for once more. */
function wishesOf ({ prompt, params }: Details): string[] {
  const missing = prompt.details.missingOIDCScope
  return Array.isArray(missing) ? missing.map(text) : text(params.scope).split(' ')
}

async function ask (visit: Visit, status = 200, again: Pick<SignIn, 'username' | 'error'> = {}): Promise<void> {
  const { house, details, res } = visit
  const { params, prompt, uid } = details
  const client = await house.provider.Client.find(text(params.client_id))
  const asking = { brand: house.brand, action: `/interaction/${uid}`, clientName: client?.clientName ?? text(params.client_id) }
  const account = accountOf(visit)
  if (prompt.name === 'consent' && account !== undefined) {
    show(res, status, consentPage(asking, { account, scopes: wishesOf(details), ...params.redirect_uri !== undefined && { redirectUri: text(params.redirect_uri) } }))
    return
  }
  show(res, status, signInPage(asking, {
    names: house.accounts.names(),
    username: text(params.login_hint),
    ...(prompt.name === 'select_account' && account !== undefined ? { current: account } : {}),
    ...again
  }))
}

async function consent (visit: Visit, form: URLSearchParams): Promise<void> {
  const { house: { provider }, details } = visit
  const account = accountOf(visit)
  if (account === undefined) throw new Error('consent without an account')
  const found = details.grantId === undefined ? undefined : await provider.Grant.find(details.grantId)
  const grant = found ?? new provider.Grant({ accountId: account.sub, clientId: text(details.params.client_id) })
  delete grant.rejected
  // What is left out is remembered for this request, or the person would be asked for ever.
  for (const scope of wishesOf(details)) {
    if (scope === 'openid' || form.has(fieldOf(scope))) grant.addOIDCScope(scope)
    else grant.rejectOIDCScope(scope)
  }
  await finish(visit, { consent: { grantId: await grant.save() } })
}

async function signIn (visit: Visit, form: URLSearchParams): Promise<void> {
  const { house, details } = visit
  const username = text(form.get('username')).trim().toLowerCase()
  const account = house.accounts.byName(username)
  if (account === undefined || text(form.get('password')) === '') {
    await ask(visit, 400, {
      username,
      error: account === undefined
        ? { field: 'username', text: 'There is no such account.' }
        : { field: 'password', text: 'Type a password. Any will do.' }
    })
    return
  }
  await finish(visit, {
    login: { accountId: account.sub, amr: ['pwd'] },
    ...(details.prompt.name === 'select_account' ? { select_account: {} } : {})
  })
}

async function answer (visit: Visit): Promise<void> {
  const { details, req } = visit
  const form = await readForm(req)
  const decision = form.get('decision')
  if (decision === 'deny') {
    await finish(visit, { error: 'access_denied', error_description: 'The person declined' })
  } else if (details.prompt.name === 'consent') {
    await (decision === 'allow' ? consent(visit, form) : ask(visit, 400))
  } else if (decision === 'continue' && details.prompt.name === 'select_account' && accountOf(visit) !== undefined) {
    await finish(visit, { select_account: {} })
  } else {
    await signIn(visit, form)
  }
}

/** The pages on which people sign in, choose an account and consent. */
export async function interactions (house: House, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const site = req.headers['sec-fetch-site']
  if (req.method === 'POST' && site !== undefined && site !== 'same-origin') {
    show(res, 403, notePage(house.brand, 'Not from here', 'This form was sent from another site.'))
    return
  }
  let details: Details
  try {
    details = await house.provider.interactionDetails(req, res)
  } catch {
    show(res, 400, notePage(house.brand, 'This page has expired', 'Go back to the application and start again.'))
    return
  }
  const visit: Visit = { house, details, req, res }
  await (req.method === 'POST' ? answer(visit) : ask(visit))
}
