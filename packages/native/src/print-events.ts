import type { Writable } from 'node:stream'
import { errorCodes } from '@consentry/core'
import type { Ask, LoginEvent } from './events.ts'

/** Writes what the person has to know, a line or two for each event. */
export function printEvents (output: Writable): (event: LoginEvent) => void {
  return (event) => {
    const lines = linesOf(event)
    if (lines.length > 0) output.write(`${lines.join('\n')}\n`)
  }
}

/** An event in plain words. */
function linesOf (event: LoginEvent): string[] {
  switch (event.state) {
    case 'pending':
      return event.refused === undefined ? linesOfAsk(event.ask) : [`${errorCodes[event.refused].message} Paste the whole address that the browser shows at the end.`]
    case 'in_progress':
      return []
    case 'completed':
      return ['You are signed in.']
    default:
      return [errorCodes[event.code].message]
  }
}

function linesOfAsk (ask: Ask): string[] {
  switch (ask.method) {
    case 'browser':
      return ['Your browser opens for you to sign in. If it does not, open this address in it:', ask.url]
    case 'paste':
      return [
        'Open this address in a browser and sign in:', ask.url,
        'At the end the browser shows a page that may not load. Copy its whole address and paste it here:'
      ]
    case 'device':
      return [
        `Open ${ask.verificationUri} in a browser, on any device, and type the code ${ask.userCode}`,
        ...ask.verificationUriComplete === undefined ? [] : [`or open ${ask.verificationUriComplete} and compare the code.`]
      ]
  }
}
