import type { Account, Claims, TokenSet } from '@consentry/core'
import type { ClientAuth } from 'oauth4webapi'
import type { Context } from './context.ts'
import type { Fetch } from './fetch.ts'

/** Where an authorization server leaves the protocol, and how that is made good. */
export interface Dialect {
  /** Wraps the requests: what is sent and what comes back is in the server's form outside of it, and in the protocol's inside. */
  translate?: ((fetch: Fetch) => Fetch) | undefined
  /** Takes the place of the client authentication that the options ask for. */
  authentication?: ClientAuth | undefined
  /** The account that a token answer tells of. */
  tokenAccount?: ((answer: Claims) => Account | undefined) | undefined
  /** The account of tokens, by the server's own endpoints. */
  userInfo?: ((context: Context, tokens: TokenSet) => Promise<Account | undefined>) | undefined
  /** Ends the tokens in another way than RFC 7009. */
  revoke?: ((context: Context, tokens: Pick<TokenSet, 'accessToken' | 'refreshToken'>) => Promise<boolean>) | undefined
  /** What is done with tokens before they count as obtained. */
  complete?: ((context: Context, tokens: TokenSet) => Promise<TokenSet>) | undefined
}
