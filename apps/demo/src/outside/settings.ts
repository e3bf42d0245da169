import type { Config } from '../config.ts'

/** What the other side is told: where to listen, and who its client is. */
export interface OutsideSettings {
  /** The address to listen on. */
  host: string
  /** 0 for free ones. */
  idpPort: number
  calendarPort: number
  weatherPort: number
  /** The origin of the demo, such as `http://127.0.0.1:3000`. */
  appUrl: string
  /** The secret of the client `corp`, which signs people in. */
  corpSecret: string
  /** The secret of the client `report-demo`, which uses their calendar. */
  calendarSecret: string
  /** Seconds. */
  calendarTokenLifetime: number
}

/** A setting that is missing or wrong; the message is for the person who made it. */
export class SettingsError extends Error {}

/** The settings as the environment of the process that reads them. */
export function outsideEnvironment ({ host, baseUrl, idpPort, calendarPort, weatherPort, localCorpSecret, calendar, calendarTokenLifetime }: Config): Record<string, string> {
  return {
    HOST: host,
    IDP_PORT: String(idpPort),
    CALENDAR_PORT: String(calendarPort),
    WEATHER_PORT: String(weatherPort),
    APP_URL: baseUrl,
    CORP_SECRET: localCorpSecret,
    CALENDAR_SECRET: calendar.clientSecret,
    CALENDAR_TOKEN_LIFETIME: String(calendarTokenLifetime)
  }
}

/** Reads them back. Throws `SettingsError`. */
export function readOutsideSettings (env: Readonly<Record<string, string | undefined>>): OutsideSettings {
  const text = (name: string): string => {
    const value = env[name]
    if (value === undefined || value === '') throw new SettingsError(`${name} is not set. The demo starts this process by itself: npm run demo`)
    return value
  }
  const integer = (name: string, least: number, most: number): number => {
    const value = text(name)
    const number = Number(value)
    if (!Number.isInteger(number) || number < least || number > most) throw new SettingsError(`${name} must be a number from ${least} to ${most}, not "${value}"`)
    return number
  }
  return {
    host: text('HOST'),
    idpPort: integer('IDP_PORT', 0, 65535),
    calendarPort: integer('CALENDAR_PORT', 0, 65535),
    weatherPort: integer('WEATHER_PORT', 0, 65535),
    appUrl: text('APP_URL'),
    corpSecret: text('CORP_SECRET'),
    calendarSecret: text('CALENDAR_SECRET'),
    calendarTokenLifetime: integer('CALENDAR_TOKEN_LIFETIME', 1, 86400)
  }
}
