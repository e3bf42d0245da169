import type { AuditEntry } from '@consentry/core'
import type { FastifyInstance } from 'fastify'

/** How many entries are kept of each person, and of how many persons. */
const mostEntries = 50
const mostPeople = 1000

/** What happened to grants, as the plugin's `audit` option tells it: in memory, and of this process alone. */
export interface Activity {
  audit: (entry: AuditEntry) => void
  /** The entries of one person, the newest first. */
  of: (userId: string) => readonly AuditEntry[]
}

export function createActivity (): Activity {
  const people = new Map<string, readonly AuditEntry[]>()
  return {
    audit (entry) {
      const { userId } = entry
      const entries = [entry, ...people.get(userId) ?? []].slice(0, mostEntries)
      // Whoever was heard of last comes last, so that the first to go is who has been away the longest.
      people.delete(userId)
      people.set(userId, entries)
      for (const id of people.keys()) {
        if (people.size <= mostPeople) break
        people.delete(id)
      }
    },
    of: (userId) => people.get(userId) ?? []
  }
}

/** `GET /activity`: what happened to the caller's own grants. */
export async function activity (app: FastifyInstance, { activity }: { activity: Activity }): Promise<void> {
  app.get('/activity', { config: { auth: true } }, async (request) => ({
    entries: activity.of(request.userInfo?.userId ?? '').map(({ type, time, provider, profile, scopes, flowId, outcome, code, confirmed }) =>
      ({ type, time, provider, profile, scopes, flowId, outcome, code, confirmed }))
  }))
}
