import { homedir } from 'node:os'
import { join } from 'node:path'

type Env = Readonly<Record<string, string | undefined>>

/** A variable; an empty one is one that is not set. */
const set = (value: string | undefined): string | undefined => value === '' ? undefined : value
const home = (env: Env): string => set(env['HOME']) ?? homedir()

/** Where people put what they configure. */
export function configFile (env: Env, platform: NodeJS.Platform = process.platform): string {
  if (platform === 'win32') return join(set(env['APPDATA']) ?? join(home(env), 'AppData', 'Roaming'), 'consentry', 'config.json')
  return join(set(env['XDG_CONFIG_HOME']) ?? join(home(env), '.config'), 'consentry', 'config.json')
}

/** Where programs keep what nobody configures. */
export function stateFolder (env: Env, platform: NodeJS.Platform = process.platform): string {
  if (platform === 'win32') return join(set(env['LOCALAPPDATA']) ?? join(home(env), 'AppData', 'Local'), 'consentry')
  if (platform === 'darwin') return join(home(env), 'Library', 'Application Support', 'consentry')
  return join(set(env['XDG_STATE_HOME']) ?? join(home(env), '.local', 'state'), 'consentry')
}
