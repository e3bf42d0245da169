import files from '@fastify/static'
import type { FastifyInstance } from 'fastify'
import { fileURLToPath } from 'node:url'
import { admin } from './admin.ts'

const root = fileURLToPath(new URL('../../public', import.meta.url))
/** The client as the package holds it: modules that a browser loads as they are. */
const client = fileURLToPath(new URL('.', import.meta.resolve('@consentry/client')))

/** The page at `/` and its files: for everybody, and allowed to load and reach nothing but this application. */
export async function page (app: FastifyInstance, { baseUrl }: { baseUrl: string }): Promise<void> {
  const { host } = new URL(baseUrl)
  const policy = [
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'",
    // Not every browser takes 'self' to mean the WebSocket too.
    `connect-src 'self' ws://${host}`,
    "form-action 'none'", "base-uri 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"
  ].join('; ')

  app.addHook('onRequest', async (request, reply) => {
    reply
      .header('cache-control', 'no-cache')
      .header('content-security-policy', policy)
      .header('referrer-policy', 'no-referrer')
      .header('x-content-type-options', 'nosniff')
      // The consent opens in a window of its own, which closes itself only if it knows who opened it.
      .header('cross-origin-opener-policy', 'same-origin-allow-popups')
    // Cookies and sockets belong to one origin; a page under another name of this machine would be signed out for ever.
    if (request.host !== host) return reply.redirect(`${baseUrl}/`, 302)
  })

  await app.register(admin)
  await app.register(files, { root, wildcard: false, cacheControl: false })
  await app.register(files, { root: client, prefix: '/client/', decorateReply: false, cacheControl: false })
}
