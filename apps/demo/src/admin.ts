import { defaultTenant } from '@consentry/core'
import type { FastifyInstance } from 'fastify'
import { readFile } from 'node:fs/promises'

const file = new URL('../../pages/admin.html', import.meta.url)

/** What only admins see. The page is no file of the public folder, so that nothing but these routes leads to it. */
export async function admin (app: FastifyInstance): Promise<void> {
  const html = await readFile(file, 'utf8')
  const auth = { groups: ['admins'] }

  app.get('/admin', { config: { auth } }, async (_request, reply) => reply.type('text/html; charset=utf-8').send(html))

  app.get('/admin/overview', { config: { auth } }, async (request) => {
    const { providers, sessions } = app.consentry
    const owner = { tenant: defaultTenant, userId: request.userInfo?.userId ?? '' }
    return {
      providers: Object.values(providers).map(({ label, host }) => ({ label, host })),
      sessions: (await sessions.list(owner)).map(({ createdAt }) => ({ createdAt }))
    }
  })
}
