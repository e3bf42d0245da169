import { isLoginMethod, type LoginEvent, type LoginMethod } from './events.ts'
import { invalid } from './invalid.ts'
import { lineReader, type ReadLine } from './line-reader.ts'
import type { LocalOptions } from './local.ts'
import { checkRedirect, type RedirectOptions } from './loopback.ts'
import { openBrowser } from './open-browser.ts'
import { printEvents } from './print-events.ts'

/** The options of `login()`. Times in milliseconds. */
export interface LoginOptions extends LocalOptions {
  /** How the person may be asked, best first: the first that works here is used. `['browser', 'paste', 'device']` unless given. */
  methods?: readonly LoginMethod[]
  /** For providers that compare more of the redirect URI than its host. */
  redirect?: RedirectOptions
  /** How long the person has, by a clock that nobody sets. 120000 unless given; on another device, as long as the code lives. */
  timeout?: number
  /** Ends the waiting for the person. Once they have answered, the answer is completed. */
  signal?: AbortSignal
  /** Asks although a grant is stored. */
  fresh?: boolean
  /** Hears what happens, and shows it to the person. Unless given, it is written to the standard error output. */
  onEvent?: (event: LoginEvent) => void
  /** Opens a URL of http or https in the person's browser; rejects when there is none. */
  openBrowser?: (url: string) => Promise<void>
  /** Reads what the person pastes. Unless given, from the terminal, if there is one; `false` for none. */
  readLine?: ReadLine | false
}

/** The options with their defaults. */
export interface LoginSettings extends Required<Pick<LoginOptions, 'methods' | 'redirect' | 'onEvent' | 'openBrowser'>> {
  timeout: number | undefined
  readLine: ReadLine | undefined
}

/** @throws ConsentryError `CONSENTRY_ERR_OPTIONS_INVALID`; its `cause` names the option */
export function readOptions (options: LoginOptions): LoginSettings {
  const { methods = ['browser', 'paste', 'device'], redirect = {}, timeout, onEvent = printEvents(process.stderr), readLine = lineReader() } = options
  if (!Array.isArray(methods) || methods.length === 0 || !methods.every(isLoginMethod)) throw invalid('methods is not a list of browser, paste and device')
  if (timeout !== undefined && !(timeout > 0)) throw invalid('timeout is not a number above 0')
  checkRedirect(redirect)
  return { methods, redirect, timeout, onEvent, openBrowser: options.openBrowser ?? openBrowser, readLine: readLine === false ? undefined : readLine }
}
