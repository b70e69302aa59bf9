import * as fc from "fast-check";
import { expect, it } from "vitest";
import { addressKey } from "../../src/auth/addressKey.ts";

it.each([
  ["192.0.2.1", "192.0.2.1"],
  ["::ffff:192.0.2.1", "192.0.2.1"],
  ["::ffff:c000:201", "192.0.2.1"],
  ["2001:db8:0:1::7", "2001:db8:0:1::/64"],
  ["2001:0DB8:0000:0001:ffff:ffff:ffff:ffff", "2001:db8:0:1::/64"],
  ["2001:db8::", "2001:db8:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["", "unknown"],
  ["not an address", "unknown"],
  ["192.0.2.1, 192.0.2.2", "unknown"],
  ["fe80::1%eth0", "unknown"],
])("%j is counted as %j", (address, key) => {
  expect(addressKey(address)).toBe(key);
});

it("two IPv6 addresses have one key if and only if their first 64 bits are the same", () => {
  const groups = (length: number) => fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: length, maxLength: length });
  // An IPv4 address in its IPv6 form is the IPv4 address.
  const network = groups(4).filter((four) => four.some((group) => group !== 0));
  const text = (all: number[]) => all.map((group) => group.toString(16)).join(":");
  fc.assert(
    fc.property(network, network, groups(4), groups(4), (one, other, host, another) => {
      expect(addressKey(text([...one, ...host]))).toBe(addressKey(text([...one, ...another])));
      expect(addressKey(text([...one, ...host])) === addressKey(text([...other, ...host]))).toBe(text(one) === text(other));
    }),
  );
});
