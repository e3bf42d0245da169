// Runs every test: finds or installs what they need, then calls tap, and closes with the counts on a line of their own.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, existsSync, mkdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'

const { CHROMIUM_PATH: chosen } = process.env

/** What the tests start, under the names that it may have, and the packages of Debian that bring it. */
const needed = [
  { what: 'Chromium', names: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'], packages: ['chromium'] },
  { what: 'Redis', names: ['redis-server'], packages: ['redis-server'] },
  { what: 'gnome-keyring', names: ['gnome-keyring-daemon'], packages: ['gnome-keyring', 'libsecret-1-0'] },
  { what: 'D-Bus', names: ['dbus-daemon'], packages: ['dbus'] },
  { what: 'dbus-send', names: ['dbus-send'], packages: ['dbus-bin'] }
]

function find (names) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of names) {
      const path = join(folder, name)
      if (existsSync(path)) return path
    }
  }
}

const findBrowser = () => chosen === undefined || chosen === '' ? find(needed[0].names) : chosen

const missing = () => needed.filter(({ what, names }) => (what === 'Chromium' ? findBrowser() : find(names)) === undefined)

/** Debian and its kin only, and only where that needs no password. */
function install (packages) {
  const sudo = process.getuid?.() === 0 ? [] : ['sudo', '-n']
  if (find(['apt-get']) === undefined || (sudo.length > 0 && find(['sudo']) === undefined)) return
  console.log(`Installing ${packages.join(', ')} with apt-get …`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  for (const step of [['update', '-qq'], ['install', '-qq', '-y', '--no-install-recommends', ...packages]]) {
    const [command, ...rest] = [...sudo, 'apt-get', ...step]
    if (spawnSync(command, rest, { env, stdio: ['ignore', 'ignore', 'inherit'] }).status !== 0) return
  }
}

const wanted = missing()
if (wanted.length > 0) install(wanted.flatMap(({ packages }) => packages))
const absent = missing()
if (absent.length > 0) {
  console.error(`The tests need ${absent.map(({ what }) => what).join(', ')} and cannot install it here. Install it (Debian: apt-get install ${absent.flatMap(({ packages }) => packages).join(' ')}), or set CHROMIUM_PATH to a browser.`)
  process.exit(1)
}
const browser = findBrowser()
if (!existsSync(browser)) {
  console.error(`There is no browser at CHROMIUM_PATH, ${browser}.`)
  process.exit(1)
}

mkdirSync('artifacts', { recursive: true })
const full = createWriteStream(join('artifacts', 'test.tap'))
const tap = spawn(process.execPath, [join('node_modules', 'tap', 'dist', 'esm', 'run.mjs'), '--reporter=tap', ...process.argv.slice(2)], {
  env: { ...process.env, CHROMIUM_PATH: browser },
  stdio: ['ignore', 'pipe', 'inherit']
})

// A line per file, and of a file that fails all but what passed. The whole is in artifacts/test.tap.
let file = []
let summary
for await (const line of createInterface({ input: tap.stdout })) {
  full.write(`${line}\n`)
  summary = /^# \{ total: (\d+), pass: (\d+)(?:, fail: (\d+))?/.exec(line) ?? summary
  if (/^(not )?ok \d+ /.test(line)) {
    if (line.startsWith('not ok')) console.log(file.filter((each) => !/^\s+ok \d+ /.test(each)).join('\n'))
    console.log(line)
    file = []
  } else file.push(line)
}
const code = tap.exitCode ?? (await once(tap, 'close'))[0]
if (summary === undefined) {
  console.error(`${file.join('\n')}\ntap ended without a summary.`)
  process.exit(1)
}
console.log(`\n${summary[2]} passed, ${summary[3] ?? 0} failed`)
// A run that tested nothing, or fails for another reason than a test, is a failure too.
process.exit(code === 0 && summary[2] === '0' ? 1 : code ?? 1)
