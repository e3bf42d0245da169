import { isIPv6 } from 'node:net'
import type { FairQueue } from './fair-queue.ts'

/** Where the passwords of a client wait: set by the identity that asks for the check. */
export const passwordQueue: unique symbol = Symbol('consentry.passwordQueue')

/** Who presents a credential, as far as limits go. */
export interface Client {
  /** The address the request came from. Without it failures are not counted by address. */
  readonly address?: string | undefined
  /** Whether nobody waits for the answer any more. Asked before work that costs. */
  isGone? (): boolean
  /** The credential was accepted on this connection before, and is checked again: that is no attempt. */
  readonly isKnown?: boolean
  /** @internal */
  readonly [passwordQueue]?: FairQueue
}

/**
 * What counts as one address: of IPv6 the network of 64 bits, which one subscriber has all of; of IPv4 in IPv6 the
 * IPv4 address.
 */
export function networkOf (address: string): string {
  const [bare = ''] = address.split('%', 1)
  if (!isIPv6(bare)) return bare.toLowerCase()
  // The URL Standard's serializer writes each address in one way.
  const [head = '', tail = ''] = new URL(`http://[${bare}]`).hostname.slice(1, -1).split('::')
  const [left, right] = [head, tail].map((part) => part.split(':').filter((group) => group !== '')) as [string[], string[]]
  const groups = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right]
  const [high = 0, low = 0] = groups.slice(6).map((group) => Number.parseInt(group, 16))
  const isMapped = groups.slice(0, 6).join(':') === '0:0:0:0:0:ffff'
  return isMapped ? [high >> 8, high & 255, low >> 8, low & 255].join('.') : `${groups.slice(0, 4).join(':')}::/64`
}
