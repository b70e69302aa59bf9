/**
 * Networks in CIDR notation, IPv4 and IPv6, and whether an address is in one. Host names and zones are rejected; an IPv4 address that is
 * written as IPv6 (`::ffff:192.0.2.1`) is treated as the IPv4 address.
 */
interface Network {
  /** 4 or 16 bytes. */
  bytes: number[];
  /** Length of the prefix in bits. */
  prefix: number;
}

/** Parses a network or a single address. Undefined for any other text. The bits after the prefix must be zero. */
export function parseNetwork(text: string): Network | undefined {
  const [address = "", length, ...rest] = text.split("/");
  const bytes = parseAddress(address);
  if (!bytes || rest.length > 0) return undefined;
  const whole = bytes.length * 8;
  if (length !== undefined && !/^(0|[1-9]\d{0,2})$/.test(length)) return undefined;
  const prefix = length === undefined ? whole : Number(length);
  if (prefix > whole) return undefined;
  for (let bit = prefix; bit < whole; bit++) if (bitOf(bytes, bit)) return undefined;
  return { bytes, prefix };
}

/** An invalid address is in no network. */
export function isInNetwork(address: string, network: string): boolean {
  const bytes = parseAddress(address);
  const parsed = parseNetwork(network);
  if (!bytes || !parsed || bytes.length !== parsed.bytes.length) return false;
  for (let bit = 0; bit < parsed.prefix; bit++) if (bitOf(bytes, bit) !== bitOf(parsed.bytes, bit)) return false;
  return true;
}

const bitOf = (bytes: number[], bit: number) => (bytes[bit >> 3]! >> (7 - (bit & 7))) & 1;

export function parseAddress(text: string): number[] | undefined {
  const bytes = text.includes(":") ? parseV6(text) : parseV4(text);
  const isMapped = bytes?.length === 16 && bytes.slice(0, 12).every((byte, i) => byte === (i < 10 ? 0 : 255));
  return isMapped ? bytes.slice(12) : bytes;
}

function parseV4(text: string): number[] | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) return undefined;
  return parts.map(Number);
}

function parseV6(text: string): number[] | undefined {
  const [head = "", tail, ...rest] = text.split("::");
  if (rest.length > 0) return undefined;
  const before = groupsOf(head);
  const after = tail === undefined ? [] : groupsOf(tail);
  if (!before || !after) return undefined;
  const missing = 16 - before.length - after.length;
  if (tail === undefined ? missing !== 0 : missing < 2) return undefined;
  return [...before, ...Array.from({ length: missing }, () => 0), ...after];
}

/** Bytes of an address in groups between colons; the last group may be an IPv4 address. */
function groupsOf(text: string): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [i, group] of groups.entries()) {
    const v4 = i === groups.length - 1 && group.includes(".") ? parseV4(group) : undefined;
    if (v4) bytes.push(...v4);
    else if (/^[0-9a-f]{1,4}$/i.test(group)) bytes.push(parseInt(group, 16) >> 8, parseInt(group, 16) & 255);
    else return undefined;
  }
  return bytes;
}

/**
 * The network that an address probably shares with others of the same operator: the /24 of an IPv4 address, and the /48 of an IPv6 address. "" for
 * text that is no address.
 */
export function networkOf(address: string): string {
  const bytes = parseAddress(address);
  if (!bytes) return "";
  if (bytes.length === 4) return `${bytes.slice(0, 3).join(".")}.0/24`;
  const groups = [0, 2, 4].map((i) => ((bytes[i]! << 8) | bytes[i + 1]!).toString(16));
  return `${groups.join(":")}::/48`;
}
