import { advertisedIssuer, authorizationResponse } from './authorization-response.ts'
import { discovery } from './discovery.ts'
import { dpop } from './dpop.ts'
import { idToken } from './id-token.ts'
import { keys } from './keys.ts'
import { initiatedSignIn, logout, logoutToken } from './logout.ts'
import { pushedRequest, requiredPushedRequest } from './pushed-request.ts'
import { refresh, refreshedIdToken } from './refresh.ts'
import { revocation } from './revocation.ts'
import { signature } from './signature.ts'
import { idTokenMissing, idTokenUnread, tokenResponse } from './token-response.ts'
import { transport } from './transport.ts'
import type { ConformanceChapter } from './types.ts'
import { plainUserinfo, userinfo } from './userinfo.ts'

/** Everything that a hostile or an odd provider may do, and what must come of it. */
export const conformance: readonly ConformanceChapter[] = [
  idToken, signature, keys, discovery, authorizationResponse, advertisedIssuer, tokenResponse, idTokenMissing, idTokenUnread, userinfo, plainUserinfo,
  refresh, refreshedIdToken, revocation, dpop, pushedRequest, requiredPushedRequest, logoutToken, logout, initiatedSignIn, ...transport
]
