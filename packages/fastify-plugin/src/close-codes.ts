/** Why a WebSocket is closed (RFC 6455 section 7.4; 4000 and up are ours). */
export const closeCodes = {
  notAuthenticated: 4401,
  notAllowed: 4403,
  authTimeout: 4408,
  tooLarge: 4413,
  tooMany: 4429,
  restart: 1012
} as const
