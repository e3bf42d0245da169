/** An answer that is a failure, with the code that says which. */
export class ApiError extends Error {
  constructor (status, problem) {
    super(problem?.title ?? `The server answered with status ${status}.`)
    this.status = status
    this.code = problem?.code
  }
}

async function request (method, path, headers = {}) {
  const response = await fetch(path, { method, headers: { accept: 'application/json', ...headers }, cache: 'no-store' })
  const body = await response.json().catch(() => undefined)
  if (!response.ok) throw new ApiError(response.status, body)
  return body
}

/** With the token of the session, as it is now: a page of another site cannot read it. */
async function requestOnPurpose (method, path) {
  const { csrfToken } = await status()
  return request(method, path, csrfToken === undefined ? {} : { 'x-csrf-token': csrfToken })
}

export const providers = () => request('GET', '/providers')
export const status = () => request('GET', '/auth/status')
export const userInfo = () => request('GET', '/auth/userinfo')
export const signOut = ({ everywhere = false } = {}) => requestOnPurpose('POST', `/auth/logout?${new URLSearchParams({ everywhere })}`)
export const connections = async () => (await request('GET', '/auth/connections')).connections
export const disconnect = (provider, profile) => requestOnPurpose('DELETE', `/auth/connections/${provider}?${new URLSearchParams({ profile })}`)
export const activity = async () => (await request('GET', '/activity')).entries
export const overview = () => request('GET', '/admin/overview')
