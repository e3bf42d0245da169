import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { canOpenBrowser, openBrowser } from '../src/index.ts'

t.test('where the person is: not over SSH, not in CI, not without a display', async (t) => {
  const display = { DISPLAY: ':0' }
  for (const [env, platform, expected] of [
    [{}, 'linux', false], [display, 'linux', true], [{ WAYLAND_DISPLAY: 'w' }, 'linux', true], [{ DISPLAY: '' }, 'linux', false],
    [{ WSL_DISTRO_NAME: 'Debian' }, 'linux', true], [{}, 'darwin', true], [{}, 'win32', true],
    [{ ...display, SSH_CONNECTION: 'x' }, 'linux', false], [{ SSH_TTY: '/dev/pts/1' }, 'darwin', false], [{ ...display, CI: 'true' }, 'linux', false],
    [{ ...display, CI: 'false' }, 'linux', true]
  ] as const) t.equal(canOpenBrowser({ env, platform }), expected, JSON.stringify([env, platform]))
})

/** A browser that writes down what it was opened with. */
function fakeBrowser (t: Test, body = ''): { seen: string, trace: string } {
  const folder = mkdtempSync(join(tmpdir(), 'consentry-browser-'))
  const [browser, seen, trace] = ['browser', 'seen', 'trace'].map((name) => join(folder, name)) as [string, string, string]
  writeFileSync(browser, `#!/bin/sh\nprintf '%s' "$1" > '${seen}'\n${body}`)
  chmodSync(browser, 0o755)
  const { DISPLAY, BROWSER, CI, SSH_CONNECTION, SSH_CLIENT, SSH_TTY } = process.env
  Object.assign(process.env, { DISPLAY: ':0', BROWSER: browser })
  for (const name of ['CI', 'SSH_CONNECTION', 'SSH_CLIENT', 'SSH_TTY']) delete process.env[name]
  t.teardown(() => {
    for (const [name, value] of Object.entries({ DISPLAY, BROWSER, CI, SSH_CONNECTION, SSH_CLIENT, SSH_TTY })) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
    rmSync(folder, { recursive: true, force: true })
  })
  return { seen, trace }
}

t.test('T14: never through a shell', { skip: process.platform !== 'linux' }, async (t) => {
  const { seen, trace } = fakeBrowser(t)
  const url = `https://idp.example/authorize?a=1&b=$(touch%20${trace})&c=\`touch${trace}\`;touch\t${trace}|x&d='"%22\\`
  await openBrowser(url)
  t.equal(readFileSync(seen, 'utf8'), new URL(url).href)
  t.notOk(existsSync(trace))
})

t.test('a browser that fails to open is told', { skip: process.platform !== 'linux' }, async (t) => {
  fakeBrowser(t, 'exit 3\n')
  await t.rejects(openBrowser('https://idp.example/'))
})

t.test('T14: web addresses alone', async (t) => {
  const { seen } = fakeBrowser(t)
  for (const url of ['file:///etc/passwd', 'javascript:alert(1)', 'ms-settings:', '--help', 'data:text/html,x', 'vscode://x']) await t.rejects(openBrowser(url), TypeError, url)
  t.notOk(existsSync(seen))
})
