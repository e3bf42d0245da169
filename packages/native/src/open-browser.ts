import open from 'open'

/** How long a launcher may take to say that it failed, in milliseconds. */
const launchTime = 2_000

/**
 * Opens a URL of http or https in the person's browser, never through a shell. Rejects when there is none to open, and
 * with a `TypeError` for other URLs.
 */
export async function openBrowser (url: string): Promise<void> {
  const { protocol, href } = new URL(url)
  if (protocol !== 'http:' && protocol !== 'https:') throw new TypeError('Only web addresses are opened.')
  if (!canOpenBrowser()) throw new Error('There is no browser here.')
  const browser = process.platform === 'linux' ? process.env['BROWSER'] : undefined
  // A command by itself is taken as it is; what else the variable may hold would need a shell.
  const launcher = await open(href, browser !== undefined && /^[\w./-]+$/.test(browser) ? { app: { name: browser } } : {})
  // A launcher that goes on is taken for a browser.
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, launchTime)
    launcher.once('exit', (code) => {
      clearTimeout(timer)
      if (code === 0) resolve()
      else reject(new Error('The browser did not open.'))
    })
  })
}

interface Surroundings {
  env?: Readonly<Record<string, string | undefined>>
  platform?: NodeJS.Platform
}

/** Whether a browser can open where the person is: not over SSH, not in CI, not without a display. */
export function canOpenBrowser ({ env = process.env, platform = process.platform }: Surroundings = {}): boolean {
  const has = (name: string): boolean => env[name] !== undefined && env[name] !== ''
  if (['SSH_CONNECTION', 'SSH_CLIENT', 'SSH_TTY'].some(has) || (has('CI') && env['CI'] !== 'false')) return false
  return platform === 'darwin' || platform === 'win32' || ['DISPLAY', 'WAYLAND_DISPLAY', 'WSL_DISTRO_NAME'].some(has)
}
