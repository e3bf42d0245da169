import t from 'tap'

// Node's own connections for `fetch` come first; undici would put others in their place, which arctic cannot use on Node.js 20.
await fetch('data:,')
const [{ rowIds, rowOf }, { startServices }, { tryServer }] = await Promise.all([import('../src/rows.ts'), import('../src/services.ts'), import('../src/try.ts')])

const services = await startServices(['redis', 'issuer'])
t.teardown(() => services.close())

const rows = await Promise.all(rowIds.map(rowOf))
// Those that measure memory first, while there is little to collect.
for (const row of rows.toSorted((one, other) => Number(other.fresh ?? false) - Number(one.fresh ?? false))) {
  t.test(`${row.id} ${row.title}`, async (t) => {
    for (const variant of row.variants) {
      const started = await variant.start({ scale: 'few', duration: 10, ...services.found })
      try {
        if (started.kind === 'server') {
          await t.resolves(tryServer(started, 2), `${variant.label} answers as it should`)
        } else {
          const sample = await started.round()
          for (const metric of Object.keys(row.metrics)) t.ok(Number.isFinite(sample[metric]), `${variant.label} measures ${metric}`)
        }
      } finally {
        await started.close()
      }
    }
    for (const { metric, variant = 'ours', to, toMetric = metric } of row.goals) {
      t.ok([metric, toMetric].every((name) => name in row.metrics), 'a goal is about something that is measured')
      t.ok([variant, to].every((name) => name === undefined || row.variants.some((other) => other.name === name)), 'and about ways that there are')
    }
  })
}

t.test('an answer that is not the one that it should be is no measurement', async (t) => {
  const { listen, knowsUser } = await import('../src/scenarios/http.ts')
  const { default: Fastify } = await import('fastify')
  const app = Fastify()
  app.get('/', async (_request, reply) => reply.code(401).send({ userId: 'user-0' }))
  const server = await listen(app, { requests: () => [{ path: '/', headers: {} }], check: knowsUser })
  t.teardown(() => server.close())
  await t.rejects(tryServer(server, 1), /401/)
})
