import { accessSync, constants } from 'node:fs'
import type { Browser as Chromium, Page as ChromiumPage } from 'playwright-core'

export type { Chromium, ChromiumPage }

const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']

function findChromium (): string {
  const places = [process.env['CHROMIUM_PATH'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].filter((path) => path !== undefined && path !== '')
  for (const path of places as string[]) {
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {}
  }
  throw new Error(`No Chromium at ${places.join(', ')}. Install one (apt-get install chromium), or say where it is with CHROMIUM_PATH.`)
}

/** Starts the Chromium of this machine. */
export async function launchChromium (): Promise<Chromium> {
  // It takes long to load, and few tests need it.
  const { chromium } = await import('playwright-core')
  return chromium.launch({ executablePath: findChromium(), args: flags })
}

/** Fills in the sign-in page of a local provider. */
export async function typeIn (page: ChromiumPage, username: string): Promise<void> {
  await page.getByLabel('Username').fill(username)
  await page.getByLabel('Password').fill('correct horse')
  await page.getByRole('button', { name: 'Sign in' }).click()
}
