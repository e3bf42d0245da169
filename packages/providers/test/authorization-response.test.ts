import t from 'tap'
import { answered, authorize, codeVerifier, fails, hostile, nonce, openid, plain, redirectUri, state } from './helpers.ts'

const check = { redirectUri, codeVerifier, nonce, scopes: [] }
const malformed = 'CONSENTRY_ERR_RESPONSE_INVALID'

t.test('B9: only the state of this flow is accepted', async (t) => {
  const op = await hostile(t)
  const provider = openid(t, op)
  const parameters = await authorize(provider)
  for (const other of ['state-2', '', 'STATE-1', 'state-1 ']) {
    await fails(t, provider.authorizationResponse(parameters, { state: other }), 'CONSENTRY_ERR_STATE_MISMATCH', other)
  }
  parameters.delete('state')
  await fails(t, provider.authorizationResponse(parameters, { state }), 'CONSENTRY_ERR_STATE_MISMATCH', 'absent')
  await fails(t, provider.authorizationResponse(parameters, { state: '' }), 'CONSENTRY_ERR_STATE_MISMATCH', 'both absent')
  t.equal(op.ledger.requests.token.length, 0)
})

t.test('B9: what one provider proved means nothing to another, and counts once', async (t) => {
  const op = await hostile(t)
  const [one, other] = [openid(t, op), openid(t, op)]
  const response = await answered(one)
  await fails(t, other.exchange(response, check), malformed, 'another provider')
  await fails(t, one.exchange({ ...response }, check), malformed, 'a copy')
  await fails(t, one.exchange({ type: 'code', parameters: new URLSearchParams({ code: 'c', state }) }, check), malformed, 'made up')
  await fails(t, one.exchange({ type: 'error', error: 'access_denied' }, check), malformed, 'an error')
  t.equal(op.ledger.codes.length, 0)
  if (response.type === 'code') response.parameters.set('code', 'swapped')
  t.ok(await one.exchange(response, check), 'what was proven is what is sent')
  await fails(t, one.exchange(response, check), malformed, 'R8: again')
  t.equal(op.ledger.codes.length, 1)
  t.not(op.ledger.codes[0], 'swapped')
})

t.test('B10: iss is that of the provider', async (t) => {
  const op = await hostile(t)
  for (const provider of [openid(t, op), plain(t, op)]) {
    const parameters = await authorize(provider)
    for (const iss of ['https://evil.example', `${op.issuer}/`, '']) {
      parameters.set('iss', iss)
      await fails(t, provider.authorizationResponse(parameters, { state }), 'CONSENTRY_ERR_ISSUER_MISMATCH', iss)
      await fails(t, provider.authorizationResponse(new URLSearchParams({ error: 'access_denied', state, iss }), { state }), 'CONSENTRY_ERR_ISSUER_MISMATCH', `error from ${iss}`)
    }
  }
  const advertised = openid(t, op)
  const parameters = await authorize(advertised)
  parameters.delete('iss')
  await fails(t, advertised.authorizationResponse(parameters, { state }), 'CONSENTRY_ERR_ISSUER_MISMATCH', 'advertised and absent')
  op.metadata.authorization_response_iss_parameter_supported = false
  t.match(await openid(t, op).authorizationResponse(parameters, { state }), { type: 'code' }, 'neither')
  t.match(await plain(t, op).authorizationResponse(parameters, { state }), { type: 'code' }, 'nothing is advertised without metadata')
})

t.test('parameters come once, and none of another flow', async (t) => {
  const op = await hostile(t)
  const provider = openid(t, op)
  const good = await authorize(provider)
  for (const name of ['code', 'state', 'iss', 'error', 'session_state']) {
    const parameters = new URLSearchParams(good)
    parameters.append(name, parameters.get(name) ?? 'x')
    if (name === 'error' || name === 'session_state') parameters.append(name, 'x')
    await fails(t, provider.authorizationResponse(parameters, { state }), malformed, `${name} twice`)
  }
  for (const name of ['id_token', 'access_token', 'token', 'token_type', 'response', 'error']) {
    const parameters = new URLSearchParams(good)
    parameters.set(name, 'x')
    await fails(t, provider.authorizationResponse(parameters, { state }), malformed, `with ${name}`)
  }
  for (const code of ['', 'a\r\nb', 'a\0', 'ä', 'x'.repeat(4097)]) {
    const parameters = new URLSearchParams(good)
    parameters.set('code', code)
    await fails(t, provider.authorizationResponse(parameters, { state }), malformed, `code ${JSON.stringify(code.slice(0, 9))}`)
  }
  good.delete('code')
  await fails(t, provider.authorizationResponse(good, { state }), malformed, 'neither code nor error')
  t.equal(op.ledger.requests.token.length, 0)
})

t.test('B17: errors are codes that are registered, never text', async (t) => {
  const op = await hostile(t)
  for (const provider of [openid(t, op), plain(t, op)]) {
    const answer = (error: string) => provider.authorizationResponse(new URLSearchParams({ error, error_description: 'provider text', state, iss: op.issuer }), { state })
    for (const error of ['access_denied', 'login_required', 'consent_required', 'temporarily_unavailable', 'invalid_scope']) t.same(await answer(error), { type: 'error', error })
    for (const error of ['<script>', 'provider text', 'ACCESS_DENIED', 'constructor', '__proto__']) t.same(await answer(error), { type: 'error', error: 'server_error' }, error)
    for (const error of ['', 'a\r\nb', 'x'.repeat(5000)]) await fails(t, answer(error), malformed, JSON.stringify(error.slice(0, 9)))
  }
})
