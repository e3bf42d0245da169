import { inspect } from 'node:util'
import { ConsentryError } from '@consentry/core'
import type { HostileEndpoint, HostileOverride } from '@consentry/testing'
import t from 'tap'
import { answered, hostile, openid, plain, redirectUri } from './helpers.ts'

const canaries = {
  secret: 'canary-client-secret', verifier: `canary-verifier-${'v'.repeat(40)}`, nonce: 'canary-nonce', refresh: 'canary-refresh', access: 'canary-access', text: 'canary-text'
}

t.test('B17: no secret and no text of the provider is shown by any error', async (t) => {
  const op = await hostile(t)
  const answers: HostileOverride[] = [
    () => ({ status: 400, body: { error: 'invalid_grant', error_description: canaries.text, echo: canaries } }),
    () => ({ status: 400, body: { error: canaries.text } }),
    () => ({ status: 401, headers: { 'www-authenticate': `Bearer error="${canaries.text}"` }, body: canaries }),
    () => ({ status: 500, body: canaries }),
    () => ({ status: 302, headers: { location: `https://evil.example/${canaries.text}` } }),
    () => ({ body: `<html>${Object.values(canaries).join()}` }),
    () => ({ body: `{"${canaries.text}`, headers: { 'content-type': 'application/json' } }),
    () => ({ body: { issuer: canaries.text, access_token: canaries.access, token_type: canaries.text, id_token: canaries.text, keys: canaries.text, sub: canaries.text } }),
    () => ({ body: { issuer: op.issuer, token_endpoint: `http://${canaries.text}/`, access_token: canaries.access, token_type: 'bearer', id_token: `${canaries.text}.b.c` } }),
    () => ({ body: { access_token: `${canaries.access}\n`, token_type: 'bearer', refresh_token: canaries.refresh, expires_in: canaries.text } }),
    () => ({ body: { access_token: canaries.access, token_type: 'bearer', scope: [canaries.text], id_token: 7 } }),
    () => ({ body: canaries.text, headers: { 'content-type': 'application/jwt' } }),
    () => ({ body: '', headers: { 'content-encoding': canaries.text } }),
    (_request, _usual, response) => { response.socket?.end(`HTTP/1.1 ${canaries.text}\r\n\r\n`); return undefined }
  ]
  const checks = { redirectUri, codeVerifier: canaries.verifier, nonce: canaries.nonce, scopes: [] }
  const tokens = { accessToken: canaries.access, refreshToken: canaries.refresh, tokenType: 'bearer' }
  let failures = 0
  for (const endpoint of ['discovery', 'jwks', 'par', 'token', 'userinfo', 'revoke'] satisfies HostileEndpoint[]) {
    op.metadata.require_pushed_authorization_requests = endpoint === 'par'
    for (const override of answers) {
      for (const [create, options] of [[openid, {}], [plain, {}], [openid, { fetch }], [plain, { fetch }]] as const) {
        const provider = create(t, op, { clientSecret: canaries.secret, ...options })
        if (endpoint !== 'discovery') await provider.authorizationUrl({ ...checks, state: 's', scopes: [] })
        const response = endpoint === 'token' || endpoint === 'jwks' ? await answered(provider) : undefined
        op.overrides[endpoint] = override
        const calls = [
          provider.authorizationUrl({ ...checks, state: 's', scopes: [] }),
          provider.authorizationResponse(new URLSearchParams({ code: canaries.text, state: canaries.text, iss: canaries.text }), { state: 's' }),
          ...response === undefined ? [] : [provider.exchange(response, checks)],
          provider.refresh({ refreshToken: canaries.refresh }),
          provider.userInfo(tokens),
          provider.revoke(tokens)
        ]
        for (const { reason } of (await Promise.allSettled(calls)).filter((result) => result.status === 'rejected')) {
          failures++
          const error: unknown = reason
          if (!(error instanceof ConsentryError)) t.fail(`not a ConsentryError: ${inspect(error)}`)
          const chain = [error, error instanceof Error ? error.cause : undefined].map((one) => one instanceof Error ? `${one.message}${one.stack ?? ''}${JSON.stringify(one)}` : '')
          const shown = JSON.stringify(error) + inspect(error, { depth: 9 }) + chain.join()
          const leaked = Object.entries(canaries).find(([, canary]) => shown.includes(canary))
          if (leaked !== undefined) t.fail(`${endpoint} ${String(override)}: ${leaked[0]} in ${shown}`)
        }
        Reflect.deleteProperty(op.overrides, endpoint)
      }
    }
  }
  t.ok(failures > 200, `${failures} failures were looked at`)
})
