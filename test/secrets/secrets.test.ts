import { beforeEach, describe, expect, it } from "vitest";
import { eventsOf, settledLog } from "../support/audit.ts";
import { ok, refused } from "../support/client.ts";
import { noPromises } from "../support/faults.ts";
import { changesNothing } from "../support/stored.ts";
import { type World, gzip, newOrgToken, newStack, newWorld } from "../support/world.ts";

let world: World;
let token: string;
beforeEach(async () => {
  world = await newWorld();
  token = world.member;
  await newStack(token);
  await newStack(token, "web", "prod");
});

const STACK_PATH = "/api/stacks/acme/web/dev";
const other = "/api/stacks/acme/web/prod";
const encrypt = async (plaintext: string, stack = STACK_PATH) =>
  (await ok<{ ciphertext: string }>("POST", `${stack}/encrypt`, { token, json: { plaintext } })).ciphertext;
const decrypt = async (ciphertext: string) =>
  (await ok<{ plaintext: string }>("POST", `${STACK_PATH}/decrypt`, { token, json: { ciphertext } })).plaintext;
const batchDecrypt = async (ciphertexts: string[] | null) =>
  (await ok<{ plaintexts: Record<string, string> }>("POST", `${STACK_PATH}/batch-decrypt`, { token, json: { ciphertexts } })).plaintexts;

describe("a value", () => {
  it.each(["", "aGVsbG8=", btoa("\u0000\u00ff".repeat(1000)), "A".repeat(200_000)])("comes back as it was (case %#)", async (plaintext) => {
    const ciphertext = await encrypt(plaintext);
    expect(ciphertext).toMatch(/^[A-Za-z0-9+/]+=*$/);
    expect(await decrypt(ciphertext)).toBe(plaintext);
  });

  it("is encrypted differently each time, and its ciphertext does not contain it", async () => {
    const plaintext = btoa("my long secret value");
    const [one, two] = [await encrypt(plaintext), await encrypt(plaintext)];
    expect(one).not.toBe(two);
    expect(atob(one)).not.toContain("secret");
  });

  it("of another stack, of no stack, or changed by one bit is 400", async () => {
    const good = await encrypt("aGk=");
    const bytes = Uint8Array.from(atob(good), (c) => c.charCodeAt(0));
    const flips = [0, 1, 2, 13, 14, bytes.length - 1].map((at) =>
      btoa(String.fromCharCode(...bytes.map((byte, i) => (i === at ? byte ^ 1 : byte)))),
    );
    for (const ciphertext of [await encrypt("aGk=", other), "", "AAAA", "AQE=", good.slice(0, -4), ...flips])
      expect(await refused(400, "POST", `${STACK_PATH}/decrypt`, { token, json: { ciphertext } })).toBe(
        "Bad Request: the ciphertext was not encrypted for this stack",
      );
    expect(await decrypt(good)).toBe("aGk=");
  });

  it.each([[{}], [{ plaintext: null }], [{ plaintext: 1 }], [{ plaintext: "§" }], [{ plaintext: "a" }], [[]]])(
    "that is %j is refused",
    async (json) => {
      await refused(400, "POST", `${STACK_PATH}/encrypt`, { token, json });
    },
  );

  it("of a deleted stack cannot be decrypted by a new stack of the same name", async () => {
    const ciphertext = await encrypt("aGk=");
    await ok("DELETE", STACK_PATH, { token });
    await newStack(token);
    await refused(400, "POST", `${STACK_PATH}/decrypt`, { token, json: { ciphertext } });
  });
});

describe("a batch", () => {
  it("is encrypted in order", async () => {
    const plaintexts = ["b25l", "", "dHdv", "b25l"];
    const body = await gzip(JSON.stringify({ plaintexts }));
    const { ciphertexts } = await ok<{ ciphertexts: string[] }>("POST", `${STACK_PATH}/batch-encrypt`, {
      token,
      body,
      headers: { "Content-Encoding": "gzip" },
    });
    expect(ciphertexts).toHaveLength(4);
    const decrypted = await batchDecrypt(ciphertexts);
    expect(ciphertexts.map((ciphertext) => decrypted[ciphertext])).toEqual(plaintexts);
  });

  it("is keyed by the request's own strings, character by character, duplicates once", async () => {
    const ciphertext = await encrypt("aGk=");
    const spelled = [ciphertext, ` ${ciphertext}`, ciphertext.replace(/=+$/, ""), ciphertext];
    const plaintexts = await batchDecrypt(spelled);
    expect(Object.keys(plaintexts).sort((a, b) => a.localeCompare(b))).toEqual([...new Set(spelled)].sort((a, b) => a.localeCompare(b)));
    expect(new Set(Object.values(plaintexts))).toEqual(new Set(["aGk="]));
  });

  it("of no values is answered with no values", async () => {
    for (const ciphertexts of [null, []]) expect(await batchDecrypt(ciphertexts)).toEqual({});
    expect(await ok("POST", `${STACK_PATH}/batch-decrypt`, { token, json: {} })).toEqual({ plaintexts: {} });
  });

  it("fails as a whole for one bad value", async () => {
    const good = await encrypt("aGk=");
    await refused(400, "POST", `${STACK_PATH}/batch-decrypt`, { token, json: { ciphertexts: [good, await encrypt("aGk=", other)] } });
  });

  it("of a thousand works", async () => {
    const plaintexts = Array.from({ length: 1000 }, (_, i) => btoa(`value ${i}`));
    const { ciphertexts } = await ok<{ ciphertexts: string[] }>("POST", `${STACK_PATH}/batch-encrypt`, { token, json: { plaintexts } });
    const decrypted = await batchDecrypt(ciphertexts);
    expect(ciphertexts.map((ciphertext) => decrypted[ciphertext])).toEqual(plaintexts);
  });
});

describe("decrypting", () => {
  it("is one event for one call, which names the stack and not the value", async () => {
    const ciphertexts = [await encrypt("aGk="), await encrypt("aG8=")];
    const events = await eventsOf(() =>
      changesNothing(async () => {
        await decrypt(ciphertexts[0]!);
        await batchDecrypt([...ciphertexts, ciphertexts[0]!]);
      }),
    );
    expect(events).toMatchObject([
      { event: "secret-decrypted", description: 'Decrypted a secret of stack "acme/web/dev".', userLogin: "mel", stack: "web/dev" },
      { event: "secrets-batch-decrypted", description: 'Decrypted 2 secrets of stack "acme/web/dev".', userLogin: "mel" },
    ]);
  });

  it("reveals no value when its event cannot be stored, though everything else works", async () => {
    const ciphertext = await encrypt("aGk=");
    await settledLog();
    const restore = await noPromises();
    for (const [verb, json] of [
      ["decrypt", { ciphertext }],
      ["batch-decrypt", { ciphertexts: [ciphertext] }],
      ["decrypt/log-decryption", { secretName: "password" }],
    ] as const) {
      const answer = await refused(503, "POST", `${STACK_PATH}/${verb}`, { token, json });
      expect([verb, answer.includes("aGk")]).toEqual([verb, false]);
    }
    // The same identity is used, from the cache as before.
    await ok("POST", `${STACK_PATH}/encrypt`, { token, json: { plaintext: "aGk=" } });
    await restore();
    expect(await ok("POST", `${STACK_PATH}/decrypt`, { token, json: { ciphertext } })).toEqual({ plaintext: "aGk=" });
  });

  it("leaves no event for an encryption, or for an empty list", async () => {
    const events = await eventsOf(async () => {
      await encrypt("aGk=");
      await batchDecrypt([]);
    });
    expect(events).toEqual([]);
  });

  it("of a stack that is not there is 404, and no event", async () => {
    const events = await eventsOf(async () => {
      for (const verb of ["encrypt", "decrypt"])
        await refused(404, "POST", `/api/stacks/acme/web/none/${verb}`, { token, json: { plaintext: "", ciphertext: "" } });
    });
    expect(events).toEqual([]);
  });

  it("is in the machine's name", async () => {
    const ci = await newOrgToken(world, "ci");
    const ciphertext = await encrypt("aGk=");
    const events = await eventsOf(() => ok("POST", `${STACK_PATH}/decrypt`, { token: ci.tokenValue, json: { ciphertext } }));
    expect(events).toMatchObject([{ userLogin: "acme", tokenId: ci.id, tokenName: "ci" }]);
  });
});

it("takes the note of a client that decrypted by itself", async () => {
  await ok("POST", `${STACK_PATH}/decrypt/log-decryption`, { token, json: { secretName: "x" } });
  await ok("POST", `${STACK_PATH}/decrypt/log-batch-decryption`, { token, json: { commandName: "up" } });
});
