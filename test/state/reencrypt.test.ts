import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { reencrypt } from "../../src/state/reencrypt.ts";
import { baseText } from "./arbitrary.ts";
import { chunked, collect } from "./support.ts";

const sig = "4dabf18193072939515e22adb298388d";
const secret = (ciphertext: unknown) => ({ [sig]: "1b47061264138c4ac30d75fd1eb44270", ciphertext });
const deployment = (members: object) => JSON.stringify({ version: 3, deployment: { manifest: {}, ...members } });

/** Replaces each ciphertext that begins with `old`, and returns all ciphertexts that it received. */
async function renew(text: string, sizes?: number[]) {
  const shown: string[] = [];
  const out = await collect(
    reencrypt(chunked(text, sizes), async (ciphertext) => {
      shown.push(ciphertext);
      return ciphertext.startsWith("old") ? `new"${ciphertext.slice(3)}` : undefined;
    }),
  );
  return { out, shown };
}

/** Removes null members and empty lists, which mean the same as absent members. */
function withoutEmpty(text: string) {
  const { deployment, ...envelope } = JSON.parse(text) as { deployment?: Record<string, unknown> | null };
  const members = Object.entries(deployment ?? {}).filter(([, value]) => !Array.isArray(value) || value.length > 0);
  return { ...envelope, deployment: Object.fromEntries(members) };
}

describe("a state whose secrets are re-encrypted", () => {
  it("has other ciphertexts in inputs, outputs and pending operations, at any depth, and nothing else changed", async () => {
    const text = deployment({
      resources: [
        { urn: "a", inputs: { p: [{ q: secret("old1") }] }, outputs: { r: secret("kept"), n: 1 } },
        { urn: "b", id: { ...secret("old, but in no property") }, outputs: { plain: { ciphertext: "old" } } },
      ],
      pending_operations: [{ resource: { urn: "c", inputs: secret("old2") }, type: "creating" }],
    }).replace('"n":1', '"n":1.0e+400,"big":9007199254740993');
    const { out, shown } = await renew(text);
    expect(shown).toEqual(["old1", "kept", "old2"]);
    const swapped = text.replace('"old1"', '"new\\"1"').replace('"old2"', '"new\\"2"');
    // Members of the envelope come after the deployment in the output, and are read wherever they are in the input.
    expect(out).toBe(swapped.replace('{"version":3,', "{").replace(/\}$/, ',"version":3}'));
  });

  it("reports only secrets that are texts", async () => {
    expect(
      (await renew(deployment({ resources: [{ urn: "a", inputs: { p: secret(7), q: secret(null), r: secret({}) } }] }))).shown,
    ).toEqual([]);
  });

  it("says the same without its secrets, however the input is split", async () => {
    await fc.assert(
      fc.asyncProperty(baseText({ aliases: true }), fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), async (text, sizes) => {
        const { out } = await renew(text, sizes);
        expect(withoutEmpty(out)).toEqual(withoutEmpty(text));
      }),
    );
  });
});
