import { notListening, type Way } from './ways.ts'

/** The system's browser, with the loopback to come back to (RFC 8252). */
export const askInBrowser: Way = async ({ settings, url, tell, local }) => {
  const where = await url()
  if (where === undefined) return notListening
  try {
    await settings.openBrowser(where)
  } catch (error) {
    local.onError(error, 'opening a browser')
    return 'No browser opens here.'
  }
  tell({ state: 'pending', ask: { method: 'browser', url: where } })
  return undefined
}
