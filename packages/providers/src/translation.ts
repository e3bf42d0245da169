import { BufferedResponse } from './buffered-response.ts'
import { at } from './account.ts'
import type { Fetch } from './fetch.ts'
import type { PlainVendor } from './vendor.ts'

type Body = Record<string, unknown>

/**
 * Between a vendor's token endpoint and the protocol: requests as the vendor wants them, and answers as RFC 6749
 * section 5 has them, errors in answers of 200 included.
 */
export function translation (vendor: PlainVendor): (fetch: Fetch) => Fetch {
  return (fetch) => async (input, init = {}) => {
    const url = new URL(input).href
    const atToken = url === new URL(vendor.tokenEndpoint).href
    const atRevocation = vendor.revocationEndpoint !== undefined && url === new URL(vendor.revocationEndpoint).href
    const response = await fetch(input, request(vendor, init, atToken || atRevocation))
    if (atToken) return answer(vendor, response)
    // RFC 7009 section 2.2 wants 200.
    return atRevocation && response.status === 204 ? new BufferedResponse('', { status: 200 }) : response
  }
}

function request (vendor: PlainVendor, init: RequestInit, atOAuth: boolean): RequestInit {
  const headers = new Headers(init.headers)
  for (const [name, value] of Object.entries({ 'user-agent': 'consentry', ...vendor.headers })) headers.set(name, value)
  if (!atOAuth || !(init.body instanceof URLSearchParams)) return { ...init, headers }
  const body = new URLSearchParams(init.body)
  if (vendor.pkce === 'refused') body.delete('code_verifier')
  if (vendor.requestBody !== 'json') return { ...init, headers, body }
  headers.set('content-type', 'application/json')
  return { ...init, headers, body: JSON.stringify(Object.fromEntries(body)) }
}

async function answer (vendor: PlainVendor, response: Response): Promise<Response> {
  if (response.status >= 500) return response
  const text = await response.text()
  const body = parse(text, response.headers.get('content-type') ?? '')
  const regular = body === undefined ? text : errorIn(vendor, body) ?? tokensIn(vendor, body)
  const headers = new Headers(response.headers)
  if (body !== undefined) headers.set('content-type', 'application/json')
  return new BufferedResponse(regular, { status: response.status, headers })
}

/** JSON, or the form that some vendors answer with. */
function parse (text: string, contentType: string): Body | undefined {
  if (contentType.startsWith('application/x-www-form-urlencoded')) return Object.fromEntries(new URLSearchParams(text))
  try {
    const body: unknown = JSON.parse(text)
    return typeof body === 'object' && body !== null && !Array.isArray(body) ? body as Body : undefined
  } catch {
    return undefined
  }
}

function errorIn ({ errors = {}, errorPath = 'error' }: PlainVendor, body: Body): Body | undefined {
  const code = at(body, errorPath)
  if ('access_token' in body || typeof code !== 'string' && typeof code !== 'number') return undefined
  const described = `${code}: ${String(body['error_description'] ?? body['reason'])}`
  const known = [described, String(code)].find((name) => Object.hasOwn(errors, name))
  return { error: known === undefined ? String(code) : errors[known] }
}

function tokensIn ({ answer = {}, scopeSeparator }: PlainVendor, body: Body): Body {
  const inner = answer.within === undefined ? undefined : at(body, answer.within)
  // A refresh is answered on top even so.
  const tokens: Body = { ...body, ...typeof inner === 'object' && inner !== null && 'access_token' in inner ? inner : {} }
  const scope = tokens[answer.scope ?? 'scope']
  const separator = answer.scopeSeparator ?? scopeSeparator
  if (Array.isArray(scope)) tokens['scope'] = scope.join(' ')
  else if (typeof scope === 'string') tokens['scope'] = separator === undefined ? scope : scope.replaceAll(separator, ' ')
  if (answer.tokenType !== undefined) tokens['token_type'] = answer.tokenType
  if (answer.lifetime === 'endless') delete tokens['expires_in']
  else tokens['expires_in'] ??= answer.lifetime ?? null
  return tokens
}
