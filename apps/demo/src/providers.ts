import type { Provider } from '@consentry/core'
import { apiKey, oidc } from '@consentry/providers'
import { isLoopback, type Config, type Registration } from './config.ts'

/** Whom the application is a client of. */
export function providers ({ corp, calendar, weather }: Config): Readonly<Record<string, Provider>> {
  return {
    // Signs people in.
    corp: oidc({ ...client(corp), scopes: corp.scopes, ...(corp.label !== undefined && { label: corp.label }) }),
    // Holds their calendars, with accounts of its own.
    calendar: oidc({ ...client(calendar), scopes: ['email', 'calendar.read'], label: 'Daybook' }),
    // Gives them a key, which they type into a page of this application. `probe` finds out at once whether it works.
    weather: apiKey({
      label: 'Skycast',
      probe: `${weather.url}/v1/account`,
      subjectClaim: 'id',
      header: 'X-API-Key',
      scopes: ['forecast.read'],
      hint: 'Skycast shows your key under "Your account".',
      helpUrl: `${weather.url}/`,
      allowInsecureLoopback: true
    })
  }
}

function client ({ issuer, clientId, clientSecret }: Registration): Parameters<typeof oidc>[0] {
  return { issuer, clientId, ...(clientSecret !== undefined && { clientSecret }), allowInsecureLoopback: isLoopback(new URL(issuer).hostname) }
}
