import { createHash } from 'node:crypto'
import { ConsentryError } from './errors.ts'
import type { RelayFlow } from './flow.ts'
import type { MatchedFlow } from './flows.ts'
import type { Clock, RandomBytes, StateStore } from './ports.ts'
import { randomId } from './random.ts'

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

/** Under the hash of flow and handle, so that who reads the store cannot use it. */
const keyOf = (flowId: string, handle: string): string => `parked:${createHash('sha256').update(`${flowId} ${handle}`).digest('base64url')}`

export function createParking ({ state, clock, randomBytes }: ParkingOptions): Parking {
  return {
    async park (relay, parameters) {
      const handle = randomId(16, randomBytes)
      await state.set(keyOf(relay.flowId, handle), JSON.stringify([relay, parameters.toString()]), Math.max(relay.expiresAt - clock.now(), 1))
      return handle
    },

    async unpark (flowId, handle) {
      const json = await state.take(keyOf(flowId, handle))
      if (json === undefined) throw new ConsentryError('CONSENTRY_ERR_HANDLE_UNKNOWN')
      const [relay, parameters] = JSON.parse(json) as [RelayFlow, string]
      return { relay, parameters: new URLSearchParams(parameters) }
    }
  }
}
