import { createBrowser, type Browser, type Expected, type Journey } from '@consentry/testing'
import type { Application, Trial } from './application.ts'
import { connect } from './connect.ts'
import { disconnect } from './disconnect.ts'
import { logout, logoutToken } from './logout.ts'
import { refreshGrant, refreshSignIn } from './refresh.ts'
import { expectedText, markOf, seenText, type Mark, type Result } from './result.ts'
import { signIn } from './sign-in.ts'

/** One way of a trial through the application: what must come of it, and what came. */
export interface Run {
  trial: Trial
  way: 'signIn' | 'connect'
  expected: string
  seen: string
  /** What the provider had been asked when it was over. */
  asked: Mark
}

type Way = (application: Application, trial: Trial, browser: Browser) => Promise<Result>

/** `browser` is that of somebody who is signed in elsewhere. */
const ways: Record<Journey, { signIn?: Way, connect?: Way }> = {
  'sign-in and connect': {
    signIn: async (application, trial) => {
      if (trial.each.warm === true) await signIn(application, trial)
      await trial.each.misbehave(trial.op)
      return signIn(application, trial)
    },
    connect
  },
  refresh: { signIn: refreshSignIn, connect: refreshGrant },
  disconnect: { connect: disconnect },
  'logout token': { signIn: logoutToken },
  logout: { signIn: logout },
  'initiated sign-in': {
    signIn: (application, trial) => signIn(application, trial, createBrowser(), initiated(trial, application))
  }
}

function initiated ({ name, op, each: { at, initiation } }: Trial, { url }: Application): string {
  return `/auth/login${at === 'provider' ? `/${name}` : ''}?${new URLSearchParams(initiation?.(op, url)).toString()}`
}

/** All ways of a trial, one after the other. */
export async function runTrial (application: Application, trial: Trial, browser: Browser): Promise<Run[]> {
  const { expected } = trial.each
  const wanted = typeof expected === 'object' && 'signIn' in expected ? expected : { signIn: expected, connect: expected }
  const runs: Run[] = []
  for (const way of ['signIn', 'connect'] as const) {
    const go = ways[trial.chapter.journey][way]
    if (go !== undefined) runs.push({ trial, way, expected: expectedText(wanted[way]), seen: await seen(trial, wanted[way], () => go(application, trial, browser)), asked: markOf(trial.op) })
  }
  return runs
}

async function seen (trial: Trial, expected: Expected, go: () => Promise<Result>): Promise<string> {
  try {
    const result = await go()
    checkLedger(trial)
    if (result.outcome === 'refused' && result.settles !== undefined) checkWaiter(result, expected)
    return seenText(result, expected)
  } catch (error) {
    return `fault: ${error instanceof Error ? error.message : String(error)}`
  }
}

/** Nothing is asked where nobody sent us, and a code is sent once; twice when the provider wants its nonce in the proof. */
function checkLedger ({ op: { ledger }, each }: Trial): void {
  if (ledger.requests.elsewhere.length > 0) throw new Error('something was asked elsewhere')
  const most = each.client?.dpop === true ? 2 : 1
  for (const code of new Set(ledger.codes)) if (ledger.codes.filter((other) => other === code).length > most) throw new Error('a code was sent again')
}

/** Whoever waits is disturbed by an answer alone, and by what became of the code that came with one. */
function checkWaiter ({ no, settles }: Extract<Result, { outcome: 'refused' }>, expected: Expected): void {
  const told = no === 'userinfo' || no === 'session' || (typeof expected !== 'string' && expected.settles === true)
  if (settles !== told) throw new Error(told ? 'the run goes on waiting' : 'the run was disturbed')
}
