import { ConsentryError } from './errors.ts'
import type { ConnectFlow, FlowEnd } from './flow.ts'
import type { Flows } from './flows.ts'
import type { Requirement } from './grant-state.ts'
import { sameAccount, type GrantKey, type GrantRecord } from './grant.ts'
import type { AuthenticateOptions } from './grants.ts'
import { loginHint } from './login-hint.ts'
import type { TokenStore } from './ports.ts'
import type { Provider } from './provider.ts'
import { unionScopes } from './scopes.ts'

/** A question to a person, and their answer. */
export interface Asking {
  /** Begins the flow that asks for what is missing of `grant`, or joins the one that is pending. */
  begin (key: GrantKey, requirement: Requirement, grant: GrantRecord | undefined, options: Partial<Pick<AuthenticateOptions, 'waiter' | 'byHandle'>>): Promise<ConnectFlow>
  /** The person's answer to `flow`. */
  answer (flow: ConnectFlow, options: AuthenticateOptions): Promise<FlowEnd>
}

export interface AskingOptions {
  tokens: TokenStore
  flows: Flows
  provider: (name: string) => Provider
}

export function createAsking ({ tokens, flows, provider }: AskingOptions): Asking {
  return {
    async begin (key, requirement, grant, { waiter, byHandle = false }) {
      const account = grant?.account ?? requirement.account
      // No answer could be accepted: a grant stays with its account until it is disconnected.
      if (account !== undefined && requirement.account !== undefined && !sameAccount(account, requirement.account)) {
        throw new ConsentryError('CONSENTRY_ERR_ACCOUNT_MISMATCH')
      }
      // Whoever has one account connected and asks for another profile means another account, more often than not.
      const another = account === undefined && (await tokens.listKeys(key)).some(({ provider, profile }) => provider === key.provider && profile !== key.profile)
      const hint = grant?.account === undefined ? undefined : loginHint(grant.account, provider(key.provider).loginHintClaim)
      return flows.beginConnect({
        key,
        // What was granted before is asked for again, or stepping up for one scope would lose the others.
        scopes: unionScopes(grant?.scopes ?? [], requirement.scopes),
        byHandle,
        refreshToken: grant?.refreshToken === undefined ? 'wanted' : 'held',
        ...(hint !== undefined && { loginHint: hint }),
        ...(another && { prompt: 'select_account' }),
        ...(account !== undefined && { account }),
        ...(waiter !== undefined && { waiter })
      })
    },

    answer (flow, options) {
      // The waiter listens before anybody is told, so that no answer is too fast for it.
      const end = flows.wait(flow, options.waiter.id, options)
      options.onRequired?.(flow)
      return end
    }
  }
}
