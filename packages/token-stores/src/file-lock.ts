import type { Lease } from './lease.ts'
import { readFile } from './record.ts'
import type { SharedFile } from './shared-file.ts'

interface Leases {
  v: 1
  /** By what they are for. */
  leases: Record<string, Entry>
}

interface Entry {
  holder: string
  /** Milliseconds since the epoch. */
  until: number
  /** How long it was given out for, in milliseconds. */
  ms: number
}

const none: Leases = { v: 1, leases: {} }

/** The lease `id` among those that processes of one machine keep in a file. */
export function fileLease (file: SharedFile, id: string): Lease {
  function change (next: (leases: Leases['leases'], now: number) => boolean): Promise<boolean> {
    return file.change((text) => {
      const now = Date.now()
      const { leases } = text === undefined ? none : readFile(text, 'leases') as Leases
      const left = Object.fromEntries(Object.entries(leases).filter(([, entry]) => isHeld(entry, now)))
      return next(left, now) ? { text: JSON.stringify({ v: 1, leases: left } satisfies Leases), result: true } : { result: false }
    })
  }

  return {
    hold (holder, ms) {
      return change((leases, now) => {
        const lease = leases[id]
        if (lease !== undefined && lease.holder !== holder) return false
        leases[id] = { holder, until: now + ms, ms }
        return true
      })
    },

    async release (holder) {
      await change((leases) => {
        if (leases[id]?.holder !== holder) return false
        return delete leases[id]
      })
    }
  }
}

/** One that would last longer than it was given out for is of a time before the clock was set back. */
function isHeld ({ until, ms }: Entry, now: number): boolean {
  return until > now && until <= now + ms
}
