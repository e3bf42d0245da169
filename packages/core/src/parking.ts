import { createHash, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import { ConsentryError } from './errors.ts'
import type { RelayFlow } from './flow.ts'
import type { MatchedFlow } from './flows.ts'
import type { Clock, RandomBytes, StateStore } from './ports.ts'
import { randomId } from './random.ts'
import { seal, unseal } from './seal.ts'

/** Answers that wait for their owner: the browser that brought one knows its handle, and nobody else does (B6). */
export interface Parking {
  /** Keeps what came back on the redirect. Resolves to the handle, which is shown to that browser once. */
  park (relay: MatchedFlow<RelayFlow>, parameters: URLSearchParams): Promise<string>
  /** What was parked under the handle for the flow with this id, once. Rejects with `CONSENTRY_ERR_HANDLE_UNKNOWN`. */
  unpark (flowId: string, handle: string): Promise<{ relay: RelayFlow, parameters: URLSearchParams }>
}

export interface ParkingOptions {
  state: StateStore
  clock: Clock
  randomBytes: RandomBytes
}

/** The code lies in the store until the handle comes, sealed with the handle, which does not. */
const placeOf = (flowId: string, handle: string): string => `parked:${createHash('sha256').update(`${flowId} ${handle}`).digest('base64url')}`
const keyOf = (handle: string): KeyObject => createSecretKey(Buffer.from(hkdfSync('sha256', handle, '', 'consentry parked answer', 32)))

export function createParking ({ state, clock, randomBytes }: ParkingOptions): Parking {
  return {
    async park (relay, parameters) {
      const handle = randomId(16, randomBytes)
      const sealed = seal(keyOf(handle), JSON.stringify([relay, parameters.toString()]), relay.flowId, randomBytes)
      await state.set(placeOf(relay.flowId, handle), sealed, Math.max(relay.expiresAt - clock.now(), 1))
      return handle
    },

    async unpark (flowId, handle) {
      const sealed = await state.take(placeOf(flowId, handle))
      if (sealed === undefined) throw new ConsentryError('CONSENTRY_ERR_HANDLE_UNKNOWN')
      const [relay, parameters] = JSON.parse(unseal(keyOf(handle), sealed, flowId)) as [RelayFlow, string]
      return { relay, parameters: new URLSearchParams(parameters) }
    }
  }
}
