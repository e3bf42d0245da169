import { BlockList, isIP } from 'node:net'

/**
 * Where an IP address leads: `loopback`, `private` (RFC 1918, RFC 6598, RFC 4193), `reserved` (link-local with the
 * metadata services of clouds, unspecified, multicast, documentation, tunnels: never a provider), or `public`.
 */
export type AddressKind = 'loopback' | 'private' | 'reserved' | 'public'

const loopback = list(['127.0.0.0/8'], ['::1/128'])
const privateUse = list(['10.0.0.0/8', '100.64.0.0/10', '172.16.0.0/12', '192.168.0.0/16'], ['fc00::/7'])
// https://www.iana.org/assignments/iana-ipv4-special-registry and its sibling for IPv6
const reserved = list([
  '0.0.0.0/8', '169.254.0.0/16', '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '198.18.0.0/15', '198.51.100.0/24',
  '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'
], [
  '::/96', '64:ff9b:1::/48', '100::/64', '2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20', 'fe80::/10',
  'fec0::/10', 'ff00::/8'
])

/** What kind of address `address` is; it must be an IP address, with or without a zone. */
export function addressKind (address: string): AddressKind {
  const bare = address.split('%', 1)[0] ?? address
  const family = isIP(bare)
  if (family === 0) return 'reserved'
  const type = family === 4 ? 'ipv4' : 'ipv6'
  if (loopback.check(bare, type)) return 'loopback'
  if (privateUse.check(bare, type)) return 'private'
  return reserved.check(bare, type) ? 'reserved' : 'public'
}

/** Where the host of `url` leads by what it is written as; `undefined` for a name that must be resolved first. */
export function hostKind ({ hostname }: URL): AddressKind | undefined {
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
  if (isIP(host) !== 0) return addressKind(host)
  // This machine by its very name (RFC 6761 section 6.3).
  return host === 'localhost' || host.endsWith('.localhost') ? 'loopback' : undefined
}

function list (v4: readonly string[], v6: readonly string[]): BlockList {
  const blocks = new BlockList()
  for (const subnet of v4) {
    const [network = '', prefix] = subnet.split('/')
    blocks.addSubnet(network, Number(prefix), 'ipv4')
    // The same address behind NAT64 (RFC 6052); BlockList itself sees through IPv4-mapped ones.
    blocks.addSubnet(`64:ff9b::${network}`, 96 + Number(prefix), 'ipv6')
  }
  for (const subnet of v6) {
    const [network = '', prefix] = subnet.split('/')
    blocks.addSubnet(network, Number(prefix), 'ipv6')
  }
  return blocks
}
