import { lineReader, login, type LoginEvent } from '@consentry/native'
import type { Context } from './cli.ts'
import { exitCodes } from './exit-codes.ts'
import type { Output } from './output.ts'
import { personOf } from './person.ts'

/** Signs in. */
export async function loginCommand ({ config, force, output, session, signal, stdin, stderr, onInterrupt }: Context): Promise<number> {
  const { options, store } = await session()
  const grant = await login({
    ...options,
    fresh: force,
    signal,
    redirect: config.redirect,
    readLine: lineReader({ input: stdin, output: stderr, onInterrupt }) ?? false,
    onEvent: (event) => show(output, event),
    ...config.methods !== undefined && { methods: config.methods },
    ...config.timeout !== undefined && { timeout: config.timeout }
  })
  const { account, scopes, missingScopes } = grant
  const left = missingScopes.length === 0 ? '' : `\nNot granted: ${missingScopes.join(' ')}`
  output.result(`Signed in as ${personOf(grant)}. The tokens are in the ${store}.${left}`, { signedIn: true, account, scopes, missingScopes, store })
  return exitCodes.ok
}

function show (output: Output, event: LoginEvent): void {
  output.event(event)
  if (event.state === 'in_progress') output.wait('Signing in')
  if (event.state !== 'pending') return
  const { ask, refused } = event
  if (refused !== undefined) return output.note('That is not the address that belongs to this sign-in. Paste the whole address that the browser shows at the end:')
  switch (ask.method) {
    case 'browser':
      output.note('Your browser opens for you to sign in. If it does not, open this address in it:')
      output.note({ strong: ask.url })
      return output.wait('Waiting for your browser')
    case 'paste':
      output.note('Open this address in a browser and sign in:')
      output.note({ strong: ask.url })
      return output.note('At the end the browser shows a page that may not load. Copy its whole address and paste it here:')
    case 'device':
      output.note('Open ', { strong: ask.verificationUri }, ' in a browser, on any device, and type the code ', { strong: ask.userCode })
      if (ask.verificationUriComplete !== undefined) output.note(`or open ${ask.verificationUriComplete} and compare the code.`)
      return output.wait('Waiting for your answer')
  }
}
