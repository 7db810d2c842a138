import { lookup } from 'node:dns/promises';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { BlockList, isIP, isIPv6, type LookupFunction } from 'node:net';
import { fetch } from 'cross-fetch';
import { tellingCuts } from './cuts.js';

const listOf = (family: 'ipv4' | 'ipv6', networks: readonly string[]): BlockList => {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix] = network.split('/');
    list.addSubnet(address, Number(prefix), family);
  }
  return list;
};

// Multicast, and what IANA's special-purpose registries keep out of the public internet (read 2025-03-01).
const V4 = (
  '0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 ' +
  '192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4'
).split(' ');
// Wider than the registry in `::/32`, whose only use are IPv4 addresses in other clothes, and in 6to4.
const V6 =
  '::/32 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 2002::/16 3fff::/20 5f00::/16 fc00::/7 fe80::/9 ff00::/8'.split(
    ' ',
  );
/** What NAT64 makes of an IPv4 network: public hosts are reached that way where there is no IPv4. */
const nat64 = (network: string): string => {
  const [address = '', prefix] = network.split('/');
  return `64:ff9b::${address}/${Number(prefix) + 96}`;
};

// Lists of their own: `::/32` in one list with IPv4 networks takes every IPv4 address.
const LOOPBACK = { ipv4: listOf('ipv4', ['127.0.0.0/8']), ipv6: listOf('ipv6', ['::1/128']) };
const RESERVED = { ipv4: listOf('ipv4', V4), ipv6: listOf('ipv6', [...V6, ...V4.map(nat64)]) };

/** Where an address is. What is no address is `reserved`. */
export const placeOf = (address: string): 'public' | 'loopback' | 'reserved' => {
  if (isIP(address) === 0) return 'reserved';
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  if (LOOPBACK[family].check(address, family)) return 'loopback';
  return RESERVED[family].check(address, family) ? 'reserved' : 'public';
};

/** The addresses of a host name, or of an address itself. */
export const addressesOf = async (hostname: string): Promise<readonly string[]> =>
  (await lookup(hostname, { all: true })).map(({ address }) => address);

/**
 * A `fetch` that connects to these addresses whatever the name says: asking for them again could give others.
 */
export const fetchAt = (addresses: readonly string[]): typeof globalThis.fetch => {
  const found = addresses.map((address) => ({ address, family: isIP(address) }));
  const pinned: LookupFunction = (_hostname, { all }, callback) => {
    if (all === true) callback(null, found);
    else callback(null, found[0]?.address ?? '', found[0]?.family);
  };
  const agent = ({ protocol }: { readonly protocol: string }): HttpAgent =>
    tellingCuts(protocol === 'https:' ? new HttpsAgent({ lookup: pinned }) : new HttpAgent({ lookup: pinned }));
  // `agent` is an option of the `fetch` that cross-fetch has in Node.
  return async (url, init) => fetch(url, { ...init, agent } as RequestInit);
};
