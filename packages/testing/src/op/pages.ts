import type { Account } from './accounts.ts'
import { Html, html, page } from './layout.ts'
import type { Brand, Page } from './layout.ts'

const wishes: Readonly<Record<string, string>> = {
  openid: 'Know who you are',
  profile: 'See your name and username',
  email: 'See your email address',
  groups: 'See which groups you are in',
  offline_access: 'Keep this access while you are away',
  'calendar.read': 'See the events in your calendar',
  'calendar.write': 'Add and change events in your calendar'
}

const tick = html`<svg viewBox="0 0 20 24" fill="none" stroke="currentColor" stroke-width="2.5" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="m4 13 4 4 8-9"/></svg>`

function who (account: Account): Html {
  return html`<div class="who"><span class="face" aria-hidden="true">${account.name.slice(0, 1)}</span><div><b>${account.name}</b><span class="soft small">${account.email}</span></div></div>`
}

/** Where a page of the interaction sends its form, and for whom it asks. */
export interface Asking {
  brand: Brand
  action: string
  clientName: string
}

/** What the sign-in page shows beside its form. */
export interface SignIn {
  names: readonly string[]
  username?: string
  /** What is wrong, and with which field. */
  error?: { field: 'username' | 'password', text: string }
  /** The person who is signed in already and may go on as such. */
  current?: Account
}

/** The sign-in page; with `current` it is the page to choose an account. */
export function signInPage ({ brand, action, clientName }: Asking, { names, username = '', error, current }: SignIn): Page {
  const title = current === undefined ? 'Sign in' : 'Choose an account'
  const focus = error?.field ?? (username === '' ? 'username' : 'password')
  const state = (field: string): Html[] => [
    ...(error?.field === field ? [html` aria-invalid="true" aria-describedby="error"`] : []),
    ...(current === undefined && focus === field ? [html` autofocus`] : [])
  ]
  return page(brand, title, html`<h1>${title}</h1>
<p class="soft">to go on to ${clientName}</p>
${current === undefined
  ? undefined
  : html`<form method="post" action="${action}">
${who(current)}
<div class="buttons"><button class="main" name="decision" value="continue" autofocus>Continue as ${current.name}</button></div>
</form>
<p class="or">or sign in as someone else</p>`}
<form method="post" action="${action}">
${error === undefined ? undefined : html`<p class="error" id="error" role="alert">${error.text}</p>`}
<label for="username">Username</label>
<input id="username" name="username" value="${username}" autocomplete="username" autocapitalize="none" spellcheck="false" required${state('username')}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required${state('password')}>
<div class="buttons"><button class="main">Sign in</button><button name="decision" value="deny" formnovalidate>Cancel</button></div>
</form>
<p class="soft small hint">Accounts here: ${names.join(', ')}. Any password will do.</p>`)
}

/** The name of the box that lets one scope pass. */
export const fieldOf = (scope: string): string => `scope:${scope}`

/** What the consent page asks. */
export interface Consent {
  account: Account
  scopes: readonly string[]
  /** Where the answer goes; absent for a device, which asks for it. */
  redirectUri?: string
}

/** The consent page. */
export function consentPage ({ brand, action, clientName }: Asking, { account, scopes, redirectUri }: Consent): Page {
  return page(brand, 'Allow access', html`<h1>Allow ${clientName} to use your account?</h1>
${who(account)}
<form method="post" action="${action}">
<fieldset>
<legend>${clientName} would like to:</legend>
<ul class="wishes">
${scopes.map((scope) => html`<li>${scope === 'openid' ? html`${tick}<span>${wishes[scope]}</span>` : html`<label><input type="checkbox" name="${fieldOf(scope)}" checked><span>${wishes[scope] ?? scope}</span></label>`}</li>`)}
</ul>
</fieldset>
<p class="soft small">Your answer goes to ${redirectUri === undefined ? 'your device' : new URL(redirectUri).host}. You can take it back there at any time.</p>
<div class="buttons"><button class="main" name="decision" value="allow">Allow</button><button name="decision" value="deny">Deny</button></div>
</form>`)
}

/** Asks before signing out. `form` is the provider's own form, whose buttons are ours. */
export function signOutPage (brand: Brand, form: string): Page {
  return page(brand, 'Sign out', html`<h1>Sign out of ${brand.name}?</h1>
<p class="soft">The application has signed you out already. You can stay signed in here for others.</p>
${new Html(form)}
<div class="buttons"><button class="main" form="op.logoutForm" name="logout" value="yes" autofocus>Sign out</button><button form="op.logoutForm">Stay signed in</button></div>`)
}

/** Where people type the code that a device shows them. `form` is the provider's own, whose buttons are ours. */
export function deviceCodePage (brand: Brand, form: string, wrong: boolean): Page {
  return page(brand, 'Connect a device', html`<h1>Connect a device</h1>
${wrong ? html`<p class="error" role="alert">This code is not known. Look again.</p>` : html`<p class="soft">Type the code that it shows.</p>`}
${new Html(form)}
<div class="buttons"><button class="main" form="op.deviceInputForm">Continue</button></div>`)
}

/** Asks whether the code is that of the person's own device. */
export function deviceConfirmPage (brand: Brand, form: string, { clientName, userCode }: { clientName: string, userCode: string }): Page {
  return page(brand, 'Is this your device?', html`<h1>Is this your device?</h1>
<p>${clientName} shows the code <b>${userCode}</b>. Go on only if you see it there.</p>
${new Html(form)}
<div class="buttons"><button class="main" form="op.deviceConfirmForm">Yes, continue</button><button form="op.deviceConfirmForm" name="abort" value="yes">No</button></div>`)
}

/** A page with a heading and a sentence. */
export function notePage (brand: Brand, title: string, text: string): Page {
  return page(brand, title, html`<h1>${title}</h1>
<p>${text}</p>`)
}
