import { describe, expect, it } from "vitest";
import { useBody } from "../../src/http/body.ts";
import { gzip } from "../support/world.ts";

const text = "a body ".repeat(1000);
const requestOf = async (encoding: string, framing: string) => {
  const bytes = encoding === "gzip" ? await gzip(text) : new TextEncoder().encode(text);
  const body = new Blob([bytes]).stream();
  const headers = { "Content-Encoding": encoding, ...(framing === "a length" && { "Content-Length": String(bytes.length) }) };
  return new Request("https://stackpass.test/", { method: "POST", body, headers });
};

describe("a gzipped body", () => {
  const read = (body: Uint8Array<ArrayBuffer>) =>
    useBody(
      new Request("https://stackpass.test/", { method: "POST", body, headers: { "Content-Encoding": "gzip" } }),
      100_000,
      ({ bytes }) => new TextDecoder().decode(bytes),
    );

  it.each([0, 2, 63, 64, 7000])("of %d bytes is inflated as a whole", async (length) => {
    const whole = "x".repeat(length);
    expect(await read(new Uint8Array(await gzip(whole)))).toBe(whole);
  });

  // The last four bytes claim the inflated size.
  it.each([0, 6999, 7001, 2 ** 32 - 1])("is refused if it claims to have %d bytes and has 7000", async (claimed) => {
    const bytes = new Uint8Array(await gzip(text));
    new DataView(bytes.buffer).setUint32(bytes.length - 4, claimed, true);
    await expect(read(bytes)).rejects.toMatchObject({ status: 400 });
  });
});

describe.each(["identity", "gzip"])("a body with the encoding %s", (encoding) => {
  it.each(["a length", "no length"])("and %s is read as a whole, and its memory is given back", async (framing) => {
    const seen: Uint8Array[] = [];
    const used = await useBody(await requestOf(encoding, framing), 100_000, ({ raw, bytes }) => {
      seen.push(raw, bytes);
      return new TextDecoder().decode(bytes);
    });
    expect(used).toBe(text);
    expect(seen.map(({ length }) => length)).toEqual([0, 0]);
  });

  it("gives its memory back when it is refused", async () => {
    const seen: Uint8Array[] = [];
    const use = useBody(await requestOf(encoding, "no length"), 100_000, ({ raw, bytes }) => {
      seen.push(raw, bytes);
      throw new Error("refused");
    });
    await expect(use).rejects.toThrow("refused");
    expect(seen.map(({ length }) => length)).toEqual([0, 0]);
  });

  it("is refused above its limit", async () => {
    await expect(useBody(await requestOf(encoding, "no length"), 5000, () => undefined)).rejects.toMatchObject({ status: 413 });
  });
});
