import { parseAddress } from "./network.ts";

/**
 * The key under which every limiter counts a caller's address. One person can use all addresses of a /64 IPv6 network, so the key is that
 * network. An IPv4 address, also one that is written as IPv6, is its own key. Callers whose address is missing or cannot be read share the
 * key `unknown`.
 */
export function addressKey(address: string): string {
  const bytes = parseAddress(address);
  if (!bytes) return "unknown";
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 4 }, (_, i) => ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16));
  return `${groups.join(":")}::/64`;
}
