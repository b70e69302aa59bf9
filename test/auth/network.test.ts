import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isInNetwork, parseNetwork } from "../../src/auth/network.ts";

describe("a network", () => {
  it.each([
    ["192.0.2.0/24", "192.0.2.255", true],
    ["192.0.2.0/24", "192.0.3.0", false],
    ["192.0.2.7", "192.0.2.7", true],
    ["192.0.2.7", "192.0.2.8", false],
    ["0.0.0.0/0", "203.0.113.9", true],
    ["0.0.0.0/0", "2001:db8::1", false],
    ["::/0", "2001:db8::1", true],
    ["::/0", "192.0.2.1", false],
    ["2001:db8::/32", "2001:DB8:ffff::1", true],
    ["2001:db8::/32", "2001:db9::1", false],
    ["2001:db8::1", "2001:0db8:0:0:0:0:0:1", true],
    ["192.0.2.0/25", "192.0.2.127", true],
    ["192.0.2.0/25", "192.0.2.128", false],
    ["192.0.2.0/24", "::ffff:192.0.2.9", true],
    ["::ffff:192.0.2.9", "192.0.2.9", true],
    ["192.0.2.0/24", "", false],
    ["192.0.2.0/24", "unknown", false],
  ])("%s and %s: %s", (network, address, inside) => {
    expect(isInNetwork(address, network)).toBe(inside);
  });

  it.each([
    "",
    "/",
    "/24",
    "192.0.2.0/",
    "192.0.2.0/33",
    "192.0.2.0/-1",
    "192.0.2.0/024",
    "192.0.2.1/24",
    "192.0.2",
    "192.0.2.256",
    "192.0.2.01",
    "1.2.3.4.5",
    "::1::",
    "2001:db8::/129",
    "2001:db8::1/32",
    "2001:db8",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7::8",
    "fe80::1%eth0",
    "12345::",
    "localhost",
    "192.0.2.0/24/24",
    " 192.0.2.0/24",
  ])("is not %j", (text) => {
    // Here "::" would replace no group, which some parsers accept.
    if (text === "1:2:3:4:5:6:7::8") expect(isInNetwork("1:2:3:4:5:6:7:8", text)).toBe(false);
    expect(parseNetwork(text)).toBeUndefined();
  });

  const groups = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 });
  const numberOf = (parts: number[], bits: bigint) => parts.reduce((sum, part) => (sum << bits) | BigInt(part), 0n);

  it("of v6 has the addresses whose leading bits are its own", () => {
    fc.assert(
      fc.property(groups, groups, fc.integer({ min: 0, max: 128 }), fc.integer({ min: 0, max: 128 }), (a, b, prefix, shared) => {
        // The addresses share some leading bits, because otherwise no address would be inside of a network.
        const mask = ((1n << 128n) - 1n) ^ ((1n << BigInt(128 - shared)) - 1n);
        const address = (numberOf(a, 16n) & mask) | (numberOf(b, 16n) & ~mask & ((1n << 128n) - 1n));
        const network = (numberOf(a, 16n) >> BigInt(128 - prefix)) << BigInt(128 - prefix);
        fc.pre(!isMapped(network) && !isMapped(address));
        const inside = address >> BigInt(128 - prefix) === network >> BigInt(128 - prefix);
        expect(isInNetwork(textOf(address), `${textOf(network)}/${prefix}`)).toBe(inside);
      }),
    );
  });

  it("of v4 has the addresses whose leading bits are its own", () => {
    const v4 = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(v4, v4, fc.integer({ min: 0, max: 32 }), (a, b, prefix) => {
        const shift = BigInt(32 - prefix);
        const network = (numberOf(a, 8n) >> shift) << shift;
        const bytes = [24n, 16n, 8n, 0n].map((by) => Number((network >> by) & 255n));
        for (const address of [a, b])
          expect(isInNetwork(address.join("."), `${bytes.join(".")}/${prefix}`)).toBe(numberOf(address, 8n) >> shift === network >> shift);
      }),
    );
  });
});

const isMapped = (address: bigint) => address >> 32n === 0xffffn;

const textOf = (address: bigint) =>
  Array.from({ length: 8 }, (_, i) => ((address >> BigInt(112 - 16 * i)) & 0xffffn).toString(16)).join(":");
