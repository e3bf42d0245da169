import { startLocalProvider, type LocalAccount, type LocalProvider } from '@consentry/testing'
import type { OutsideSettings } from './settings.ts'

/** Beside `alice` and `bob`, who have their work in it. */
const accounts: readonly LocalAccount[] = [
  {
    username: 'alice.home',
    name: 'Alice at home',
    email: 'alice@home.example',
    events: [
      { title: 'Swimming', start: '2026-01-12T17:30:00Z', end: '2026-01-12T18:30:00Z' },
      { title: 'Plumber', start: '2026-01-14T07:30:00Z', end: '2026-01-14T08:30:00Z' },
      { title: 'Dinner with Sam', start: '2026-01-15T18:00:00Z', end: '2026-01-15T20:00:00Z' }
    ]
  },
  {
    username: 'bob.home',
    name: 'Bob at home',
    email: 'bob@home.example',
    events: [
      { title: 'Guitar lesson', start: '2026-01-13T17:00:00Z', end: '2026-01-13T18:00:00Z' },
      { title: 'Parents visit', start: '2026-01-16T16:00:00Z', end: '2026-01-16T19:00:00Z' }
    ]
  }
]

/**
 * The calendar: another provider than the one that people sign in with, and with accounts of its own. Whoever changes
 * accounts here stays signed in there. Its access tokens live for a short time, so that one sees them renewed.
 */
export async function startDaybook ({ host, calendarPort: port, appUrl, calendarSecret, calendarTokenLifetime: accessTokenTtl }: OutsideSettings): Promise<LocalProvider> {
  return startLocalProvider({
    host,
    port,
    accessTokenTtl,
    accounts,
    issuerHost: 'localhost',
    brand: 'Daybook',
    look: 'calendar',
    // Says in each ID token whose calendar it is, as the large providers do, also when tokens are renewed.
    conformIdTokenClaims: false,
    clients: [{
      clientId: 'report-demo',
      clientSecret: calendarSecret,
      name: 'Report demo',
      redirectUris: [new URL('/auth/callback/calendar', appUrl).href],
      scopes: ['openid', 'profile', 'email', 'offline_access', 'calendar.read', 'calendar.write']
    }]
  })
}
