import { startCorpId } from './corp-id.ts'
import { startDaybook } from './daybook.ts'
import { readOutsideSettings, SettingsError } from './settings.ts'
import { startSkycast } from './skycast.ts'

/** What to tell the person whose port it is. */
function explain (error: unknown, variable: string): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'EADDRINUSE') return `Port ${process.env[variable]} is taken. Choose another with ${variable}.`
  if (code === 'EACCES') return `Port ${process.env[variable]} may not be used. Choose another with ${variable}.`
  return error instanceof Error ? error.stack ?? error.message : String(error)
}

function fail (message: string): never {
  console.error(message)
  process.exit(1)
}

/** The settings, or the end with what is wrong with them. */
function settings (): ReturnType<typeof readOutsideSettings> {
  try {
    return readOutsideSettings(process.env)
  } catch (error) {
    if (error instanceof SettingsError) return fail(error.message)
    throw error
  }
}

/** Whoever is not the application, in a process of their own: settings by environment, readiness by message to the parent. */
async function main (): Promise<void> {
  const given = settings()
  const corp = await startCorpId(given).catch((error: unknown) => fail(explain(error, 'IDP_PORT')))
  const daybook = await startDaybook(given).catch((error: unknown) => fail(explain(error, 'CALENDAR_PORT')))
  const skycast = await startSkycast(given).catch((error: unknown) => fail(explain(error, 'WEATHER_PORT')))
  const stop = (): void => { void Promise.all([corp, daybook, skycast].map(async (each) => each.close())).then(() => process.exit()) }
  process.once('SIGINT', stop).once('SIGTERM', stop)
  // Without its parent nobody would stop it.
  process.once('disconnect', stop)
  process.send?.({ type: 'listening', corp: corp.issuer, calendar: daybook.issuer, weather: `http://localhost:${skycast.port}` })
}

await main()
