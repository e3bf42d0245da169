import { ConsentryError, type Deadline, type Deadlines } from '@consentry/core'
import type { UserInfo } from '@consentry/user-identity'
import { haveSameRights } from './rights.ts'

/** Checks the credentials of open connections again. */
export interface Reverification {
  /** Calls `onEnd` once when `verify` refuses, or finds someone else or other rights than `userInfo` has. Returns how to stop. */
  watch (userInfo: UserInfo, verify: () => Promise<UserInfo | undefined>, onEnd: () => void): () => void
  /** Checks all connections of the user now. */
  hurry (userId: string | undefined): void
}

interface Watched {
  userInfo: UserInfo
  verify: () => Promise<UserInfo | undefined>
  onEnd: () => void
  deadline: Deadline | undefined
  isRunning: boolean
  /** How often in a row nobody could tell. */
  untold: number
}

/** How many are checked at once: a password or an issuer must stay free for who signs in. */
const atOnce = 2

/** After so many checks in a row that nobody could make, a credential counts as withdrawn. */
const mostUntold = 3

/** Each connection in its turn, `interval` milliseconds after the last time, or as soon as those before it are done. */
export function createReverification (deadlines: Deadlines, interval: number): Reverification {
  const all = new Set<Watched>()
  // In the order in which they fell due.
  const due = new Set<Watched>()
  let running = 0

  function add (watched: Watched): void {
    watched.deadline?.cancel()
    watched.deadline = undefined
    due.add(watched)
    work()
  }

  function work (): void {
    for (const watched of due) {
      if (running >= atOnce) return
      if (watched.isRunning) continue
      due.delete(watched)
      watched.isRunning = true
      running++
      void look(watched).then(() => {
        watched.isRunning = false
        running--
        work()
      })
    }
  }

  async function look (watched: Watched): Promise<void> {
    const isGood = await isStillGood(watched)
    // Nobody waits for it any more, or it is checked again at once, since this answer may be from before.
    if (!all.has(watched) || (isGood && due.has(watched))) return
    if (isGood) watched.deadline = deadlines.add(interval, add, watched)
    else end(watched)
  }

  function end (watched: Watched): void {
    stop(watched)
    watched.onEnd()
  }

  function stop (watched: Watched): void {
    all.delete(watched)
    due.delete(watched)
    watched.deadline?.cancel()
  }

  return {
    watch (userInfo, verify, onEnd) {
      const watched: Watched = { userInfo, verify, onEnd, deadline: undefined, isRunning: false, untold: 0 }
      all.add(watched)
      watched.deadline = deadlines.add(interval, add, watched)
      return () => { stop(watched) }
    },
    hurry (userId) {
      for (const watched of all) if (userId === undefined || watched.userInfo.userId === userId) add(watched)
    }
  }
}

async function isStillGood (watched: Watched): Promise<boolean> {
  try {
    const userInfo = await watched.verify()
    watched.untold = 0
    // With other rights comes another connection.
    return userInfo?.userId === watched.userInfo.userId && haveSameRights(userInfo, watched.userInfo)
  } catch (error) {
    if (ConsentryError.is(error) && error.retryable) return ++watched.untold < mostUntold
    return false
  }
}
