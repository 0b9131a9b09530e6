/** Tells addresses of the public internet from all others. Facts: IANA's special-purpose address registries, RFC 6890. */
import { isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";

type IPv4 = InstanceType<typeof ipaddr.IPv4>;
type IPv6 = InstanceType<typeof ipaddr.IPv6>;

/**
 * Whether an address is globally routable unicast. What is not known to be so is refused: an IPv6 address outside 2000::/3, a
 * zone, a name. Where an IPv6 address carries an IPv4 one that a host or gateway would unpack, that one decides.
 */
export function isPublicAddress(address: string): boolean {
  if (ipaddr.IPv4.isValidFourPartDecimal(address)) return isPublicIPv4(ipaddr.IPv4.parse(address));
  if (address.includes("%") || !isIPv6(address)) return false;
  // The library reads `::8.8.8.8` as the mapped `::ffff:8.8.8.8`; the URL parser spells both without dots.
  return isPublicIPv6(ipaddr.IPv6.parse(new URL(`http://[${address}]`).hostname.slice(1, -1)));
}

const isPublicIPv4 = (address: IPv4) => address.range() === "unicast";

function isPublicIPv6(address: IPv6): boolean {
  const inside = embeddedIPv4(address);
  if (inside && !isPublicIPv4(inside)) return false;
  if (inside && (address.isIPv4MappedAddress() || isNat64(address))) return true;
  return address.match(ipaddr.IPv6.parse("2000::"), 3) && address.range() === "unicast";
}

/**
 * The IPv4 address in a mapped (RFC 4291), NAT64 (RFC 6052) or ISATAP (RFC 5214) address. 6to4, Teredo and IPv4-compatible ones
 * need no unpacking: they are not "unicast" above, and nobody serves pictures from them.
 */
function embeddedIPv4(address: IPv6): IPv4 | undefined {
  const isatap = (address.parts[4]! & 0xfdff) === 0 && address.parts[5] === 0x5efe;
  if (!address.isIPv4MappedAddress() && !isNat64(address) && !isatap) return undefined;
  return new ipaddr.IPv4(address.toByteArray().slice(12));
}

/** 64:ff9b::/96, through which IPv6-only networks reach IPv4. The range for local use, 64:ff9b:1::/48, is not public. */
const isNat64 = (address: IPv6) => address.match(ipaddr.IPv6.parse("64:ff9b::"), 96);
