import Fastify, { type FastifyRequest } from 'fastify'
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose'
import { createPublicKey, verify, type JsonWebKey, type KeyObject } from 'node:crypto'
import { audience } from '../issuer.ts'
import type { Server, Surroundings } from '../row.ts'
import { knowsUser, listen, type Service } from './http.ts'

type Requests = Pick<Service, 'requests' | 'once'>

export function bearerOf ({ headers: { authorization = '' } }: FastifyRequest): string {
  return authorization.slice('Bearer '.length)
}

async function jwksOf (issuer: string): Promise<JSONWebKeySet> {
  return await (await fetch(`${issuer}/jwks`)).json() as JSONWebKeySet
}

async function keyOf (issuer: string): Promise<KeyObject> {
  const { keys: [key] } = await jwksOf(issuer)
  return createPublicKey({ format: 'jwk', key: key as JsonWebKey })
}

/** The least that a verification needs: the signature, issuer, audience and expiry. */
export async function verifierByHand ({ issuer }: Surroundings): Promise<(token: string) => string> {
  const key = await keyOf(issuer)
  return (token) => {
    const [header = '', payload = '', signature = ''] = token.split('.')
    const isRight = verify('sha256', Buffer.from(`${header}.${payload}`), { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'))
    const { iss, aud, sub, exp } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { iss: string, aud: string, sub: string, exp: number }
    if (!isRight || iss !== issuer || aud !== audience || exp * 1_000 < Date.now()) throw new Error('refused')
    return sub
  }
}

export async function jwtByFastify ({ issuer }: Surroundings, verification: { cache?: boolean }, requests: Requests): Promise<Server> {
  const { default: jwt } = await import('@fastify/jwt')
  const app = Fastify()
  await app.register(jwt, {
    secret: { public: (await keyOf(issuer)).export({ format: 'pem', type: 'spki' }).toString() },
    verify: { algorithms: ['ES256'], allowedIss: issuer, allowedAud: audience, ...verification }
  })
  app.get('/', { onRequest: async (request) => { await request.jwtVerify() } }, async ({ user }) => ({ userId: (user as { sub: string }).sub }))
  return listen(app, { ...requests, check: knowsUser })
}

export async function jwtByJose ({ issuer }: Surroundings, requests: Requests): Promise<Server> {
  const keys = createLocalJWKSet(await jwksOf(issuer))
  const app = Fastify()
  app.get('/', async (request) => {
    const { payload } = await jwtVerify(bearerOf(request), keys, { issuer, audience, algorithms: ['ES256'] })
    return { userId: payload.sub }
  })
  return listen(app, { ...requests, check: knowsUser })
}

export async function jwtByOurs ({ issuer, size }: Surroundings, requests: Requests): Promise<Server> {
  const { application } = await import('./ours.ts')
  // Unless it is said how many users there are, as many are remembered as without this option.
  const cache = size === undefined ? {} : { cache: { maxEntries: size, lifetime: 3_600 } }
  const ours = await application({ issuer }, { identity: { jwt: { issuers: [{ issuer, audience, jwksUri: `${issuer}/jwks`, algorithms: ['ES256'] }] }, ...cache } })
  if (size !== undefined) for (const { path, headers } of await requests.requests(size)) await ours.app.inject({ url: path, headers })
  return ours.listen({ ...requests, check: knowsUser })
}
