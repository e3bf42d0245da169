export { ConsentryError, errorCodes } from './errors.ts'
export type { ConsentryErrorOptions, ErrorCode } from './errors.ts'
export { defaultProfile, defaultTenant } from './grant.ts'
export type { Account, Claims, GrantKey, GrantRecord, Owner, TokenSet } from './grant.ts'
export type {
  AuthorizationRequest, AuthorizationResponse, AuthorizationResponseCheck, Clock, ExchangeCheck, Lock, LogEntry,
  Provider, RandomBytes, RefreshRequest, StateStore, TokenStore, VersionedGrant
} from './ports.ts'
