import { randomBytes, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { OutsideSettings } from './settings.ts'
import { keyPage } from './skycast-page.ts'

/** A running weather service. */
export interface Skycast {
  readonly port: number
  /** The key that its page shows. */
  readonly key: string
  close (): Promise<void>
}

const days = [
  { date: '2026-01-12', sky: 'Rain', high: 6, rain: 80 },
  { date: '2026-01-13', sky: 'Showers', high: 7, rain: 55 },
  { date: '2026-01-14', sky: 'Cloudy', high: 5, rain: 25 },
  { date: '2026-01-15', sky: 'Sunny', high: 8, rain: 5 },
  { date: '2026-01-16', sky: 'Snow', high: 1, rain: 65 }
]

/** The weather service: it knows no OAuth, and gives people a key, which requests carry as `X-API-Key`. */
export async function startSkycast ({ host, weatherPort }: Pick<OutsideSettings, 'host' | 'weatherPort'>): Promise<Skycast> {
  const key = `sky_${randomBytes(15).toString('base64url')}`
  const server = createServer((req, res) => { answer(key, req, res) }).listen(weatherPort, host)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    key,
    async close () {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    }
  }
}

function answer (key: string, req: IncomingMessage, res: ServerResponse): void {
  const [path = '/'] = (req.url ?? '/').split('?')
  if (path === '/') {
    const { headers, body } = keyPage(key)
    res.writeHead(200, headers).end(body)
  } else if (path !== '/v1/account' && path !== '/v1/week') {
    sendJson(res, 404, { error: 'not_found' })
  } else if (!isKey(key, req.headers['x-api-key'])) {
    sendJson(res, 401, { error: 'wrong_key' })
  } else {
    sendJson(res, 200, path === '/v1/week' ? { days } : { id: 'acct_1', name: 'Your Skycast account' })
  }
}

function isKey (key: string, given: string | string[] | undefined): boolean {
  const [expected, actual] = [Buffer.from(key), Buffer.from(String(given))]
  return expected.length === actual.length && timingSafeEqual(expected, actual)
}

function sendJson (res: ServerResponse, status: number, value: unknown): void {
  res.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(JSON.stringify(value))
}
