import { exports } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { loseDatabaseAnswers } from "../support/faults.ts";
import { setLimit } from "../support/limit.ts";
import { type World, gzip, newOrgToken, newStack, newWorld } from "../support/world.ts";

let world: World;
let token: string;
beforeEach(async () => {
  world = await newWorld();
  token = world.member;
  await newStack(token);
});

const STACK_PATH = "/api/stacks/acme/web/dev";
const KB = 1000;

/** A text of so many bytes in base64; each has another beginning. */
const secret = (bytes: number, number = 0): string => {
  const plain = new Uint8Array(bytes).fill(65 + (number % 26));
  new DataView(plain.buffer).setUint32(0, number);
  return (plain as unknown as { toBase64: () => string }).toBase64();
};
/** A secret as it is in an input or output of a program: a string in JSON. */
const jsonSecret = (bytes: number): string => btoa(`"${"A".repeat(bytes - 2)}"`);
const secrets = (count: number, bytes: number) => Array.from({ length: count }, (_, i) => secret(bytes, i));

async function post<T>(verb: string, json: unknown, zipped = true): Promise<T> {
  const text = JSON.stringify(json);
  const body = zipped ? { body: await gzip(text), headers: { "Content-Encoding": "gzip" } } : { body: text };
  return ok<T>("POST", `${STACK_PATH}/${verb}`, { token, ...body });
}
const encryptAll = async (plaintexts: string[], zipped = true) =>
  (await post<{ ciphertexts: string[] }>("batch-encrypt", { plaintexts }, zipped)).ciphertexts;
const decryptAll = async (ciphertexts: string[], zipped = true) =>
  (await post<{ plaintexts: Record<string, string> }>("batch-decrypt", { ciphertexts }, zipped)).plaintexts;

describe("what was encrypted is decrypted again", () => {
  it.each<[string, number, number, boolean]>([
    ["100 secrets of 100 KB", 100, 100 * KB, true],
    ["10 secrets of 1 MB", 10, 1000 * KB, true],
    ["500 secrets of 50 KB, not gzipped", 500, 50 * KB, false],
    ["40,000 secrets of 8 bytes", 40_000, 8, true],
  ])("in one call: %s", async (_, count, bytes, zipped) => {
    const plaintexts = secrets(count, bytes);
    const ciphertexts: string[] = [];
    // The secrets are encrypted in small calls, as the CLI does it.
    for (let at = 0; at < count; at += 100) ciphertexts.push(...(await encryptAll(plaintexts.slice(at, at + 100), zipped)));
    const decrypted = await decryptAll(ciphertexts, zipped);
    expect(Object.keys(decrypted)).toHaveLength(count);
    expect(ciphertexts.every((text, i) => decrypted[text] === plaintexts[i])).toBe(true);
  });

  it("when it was encrypted in one call, in order", async () => {
    const plaintexts = secrets(60, 300 * KB);
    const ciphertexts = await encryptAll(plaintexts);
    expect(ciphertexts).toHaveLength(60);
    const decrypted = await decryptAll(ciphertexts);
    expect(ciphertexts.every((text, i) => decrypted[text] === plaintexts[i])).toBe(true);
  });

  it.each([undefined, 100_000])("at the limit of a secret, and no longer one is encrypted: a limit of %s", async (limit) => {
    if (limit) setLimit("value", limit);
    const most = limit ?? 8 * 1024 * 1024;
    const plaintext = jsonSecret(most);
    const { ciphertext } = await post<{ ciphertext: string }>("encrypt", { plaintext }, false);
    const [other] = await encryptAll([plaintext]);
    expect((await post<{ plaintext: string }>("decrypt", { ciphertext }, false)).plaintext === plaintext).toBe(true);
    expect((await decryptAll([ciphertext, other!]))[other!] === plaintext).toBe(true);

    const longer = jsonSecret(most + 1);
    const message = `Request Entity Too Large: a secret, written as JSON, is larger than ${most} bytes`;
    expect(await refused(413, "POST", `${STACK_PATH}/encrypt`, { token, json: { plaintext: longer } })).toBe(message);
    expect(await refused(413, "POST", `${STACK_PATH}/batch-encrypt`, { token, json: { plaintexts: ["", longer] } })).toBe(message);
    expect(await refused(413, "POST", `${STACK_PATH}/encrypt`, { token, json: { plaintext: longer.repeat(3) } })).toBe(message);
  });

  it.each([
    ["letters", "a", 1],
    ["quotation marks", '"', 2],
    ["letters that HTML escapes", "<", 6],
    ["line separators", "\u2028", 6],
    ["control characters", "\u0001", 6],
  ])("as an output too, with its quotation marks and escapes: %s", async (_, letter, bytes) => {
    const count = 1000;
    setLimit("value", count * bytes + 3);
    const base64 = (text: string) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
    const goJson = (text: string) =>
      JSON.stringify(text).replace(/[<\u2028]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
    const most = `.${letter.repeat(count)}`;
    const plaintexts = [most, goJson(most)].map(base64);
    const ciphertexts = await encryptAll(plaintexts);
    const decrypted = await decryptAll(ciphertexts);
    expect(ciphertexts.map((text) => decrypted[text])).toEqual(plaintexts);

    const message = `Request Entity Too Large: a secret, written as JSON, is larger than ${count * bytes + 3} bytes`;
    for (const longer of [`.${most}`, goJson(`.${most}`)]) {
      expect(await refused(413, "POST", `${STACK_PATH}/encrypt`, { token, json: { plaintext: base64(longer) } })).toBe(message);
      expect(await refused(413, "POST", `${STACK_PATH}/batch-encrypt`, { token, json: { plaintexts: [base64(longer)] } })).toBe(message);
    }
  });

  it("when the limit of a secret was lowered since", async () => {
    const plaintext = secret(100 * KB);
    const [ciphertext] = await encryptAll([plaintext]);
    setLimit("value", 1000);
    expect((await post<{ plaintext: string }>("decrypt", { ciphertext }, false)).plaintext).toBe(plaintext);
    expect((await decryptAll([ciphertext!]))[ciphertext!]).toBe(plaintext);
  });

  it("when it is spelled with escapes and white space", async () => {
    const plaintext = secret(300 * KB);
    const [ciphertext] = await encryptAll([plaintext]);
    const body = `{ "ciphertexts" : [ "${ciphertext!.replaceAll("/", "\\/").replaceAll("A", "\\u0041")}" ] }`;
    const { plaintexts } = await ok<{ plaintexts: Record<string, string> }>("POST", `${STACK_PATH}/batch-decrypt`, { token, body });
    expect(plaintexts[ciphertext!] === plaintext).toBe(true);
  });
});

describe("a large decryption", () => {
  it("is an event for each group of values, which says how many they are", async () => {
    const ciphertexts = await encryptAll(secrets(30, 400 * KB));
    const events = await eventsOf(() => decryptAll(ciphertexts));
    const counts = events.map(({ event, description }) => {
      expect(event).toBe("secrets-batch-decrypted");
      const [, count, part] =
        /^Decrypted (\d+) secrets of stack "acme\/web\/dev", part (\d+) of a large request\.$/.exec(description) ?? [];
      return { count: Number(count), part: Number(part) };
    });
    const parts = counts.map(({ part }) => part).sort((a, b) => a - b);
    expect(parts).toEqual(parts.map((_, i) => i + 1));
    expect(parts.length).toBeGreaterThan(1);
    expect(counts.reduce((sum, { count }) => sum + count, 0)).toBe(30);
  });

  it("is refused when a value of the first group is not this stack's", async () => {
    const ciphertexts = await encryptAll(secrets(30, 400 * KB));
    for (const [bad, message] of [
      ["AAAA", "Bad Request: the ciphertext was not encrypted for this stack"],
      ["§", "Bad Request: a value is not valid base64"],
    ])
      expect(await refused(400, "POST", `${STACK_PATH}/batch-decrypt`, { token, json: { ciphertexts: [bad, ...ciphertexts] } })).toBe(
        message,
      );
  });

  it("is cut off, and so is not valid JSON, when a value of a later group is not this stack's", async () => {
    const ciphertexts = await encryptAll(secrets(30, 400 * KB));
    for (const bad of ["AAAA", "§"]) expect(await cutOff({ ciphertexts: [...ciphertexts, bad] })).toBe(true);
  });

  it("is cut off when the rest of the body is no JSON", async () => {
    const ciphertexts = await encryptAll(secrets(30, 400 * KB));
    for (const rest of ["", ",]}", '],"ciphertexts":[]}'])
      expect(await cutOff(`${JSON.stringify({ ciphertexts }).slice(0, -2)}${rest}`)).toBe(true);
  });

  it("checks the caller's right again for each group: a token that was deleted meanwhile decrypts no more", async () => {
    const ci = await newOrgToken(world, "ci");
    const plaintexts = secrets(60, 400 * KB);
    const ciphertexts = await encryptAll(plaintexts);
    let pauses = 0;
    const events = await eventsOf(async () => {
      // Some groups are sent first, and the others after the token was deleted.
      const text = new TextEncoder().encode(JSON.stringify({ ciphertexts }));
      const pause = 20_000_000;
      const body = new ReadableStream<Uint8Array>(
        {
          async pull(controller) {
            if (pauses++ === 0) return controller.enqueue(text.slice(0, pause));
            const deleted = await call("DELETE", `/api/orgs/acme/tokens/${ci.id}`, { token: world.admin });
            expect(deleted.status).toBe(204);
            controller.enqueue(text.slice(pause));
            controller.close();
          },
        },
        // The stream produces nothing before it is read.
        { highWaterMark: 0 },
      );
      const { read, complete } = await readAnswer(ci.tokenValue, body);
      expect(complete).toBe(false);
      expect(plaintexts.filter((plaintext) => read.includes(plaintext)).length).toBeLessThan(60);
    });
    const parts = events.filter(({ event }) => event === "secrets-batch-decrypted");
    const numbers = parts.map(({ description }) => Number(/part (\d)/.exec(description)?.[1])).sort((a, b) => a - b);
    expect(numbers).toEqual(numbers.map((_, i) => i + 1));
    // There are eight groups in all, and half of them were sent before the deletion.
    expect(parts.length).toBeLessThan(6);
    expect(parts.every(({ tokenName }) => tokenName === "ci")).toBe(true);
  });

  it("reveals no value of a group whose event cannot be stored", async () => {
    const plaintexts = secrets(30, 400 * KB);
    const ciphertexts = await encryptAll(plaintexts);
    // Only the event of the first group is stored.
    const mend = loseDatabaseAnswers(1);
    const { status, read, complete } = await readAnswer(token, JSON.stringify({ ciphertexts }));
    mend();
    expect([status, complete]).toEqual([200, false]);
    expect(read.includes(plaintexts[0]!)).toBe(true);
    expect(read.includes(plaintexts[29]!)).toBe(false);
  });

  it("is done when a setting has changed since the caller was last looked up", async () => {
    const ciphertexts = await encryptAll(secrets(30, 400 * KB));
    await ok("PATCH", "/api/orgs/acme", { token: world.admin, json: { membersCanCreateStacks: false } });
    expect(Object.keys(await decryptAll(ciphertexts))).toHaveLength(30);
  });
});

it("a large encryption is cut off when a later value is not base64, or too long", async () => {
  const plaintexts = secrets(30, 400 * KB);
  setLimit("value", 500 * KB);
  for (const bad of ["§", secret(500 * KB)]) expect(await cutOff({ plaintexts: [...plaintexts, bad] }, "batch-encrypt")).toBe(true);
  for (const bad of ["§", secret(500 * KB)])
    await refused(bad === "§" ? 400 : 413, "POST", `${STACK_PATH}/batch-encrypt`, { token, json: { plaintexts: [bad, ...plaintexts] } });
});

it.each([100_000, 1_000_000])("a list of %i elements that are not strings is refused with a short answer", async (count) => {
  for (const [verb, member] of [
    ["batch-encrypt", "plaintexts"],
    ["batch-decrypt", "ciphertexts"],
  ]) {
    const body = await gzip(`{"${member}":[1${",1".repeat(count - 1)}]}`);
    const message = await refused(400, "POST", `${STACK_PATH}/${verb}`, { token, body, headers: { "Content-Encoding": "gzip" } });
    expect(message).toBe(`Bad Request: ${member} must be a list of strings`);
  }
});

/** @returns whether the answer began with status 200 and was then cut off */
async function cutOff(json: unknown, verb = "batch-decrypt"): Promise<boolean> {
  const body = typeof json === "string" ? json : JSON.stringify(json);
  const { status, complete } = await readAnswer(token, body, verb);
  return status === 200 && !complete;
}

async function readAnswer(auth: string, body: BodyInit, verb = "batch-decrypt") {
  const headers = { "Content-Type": "application/json", Authorization: `token ${auth}` };
  const response = await exports.default.fetch(`https://stackpass.test${STACK_PATH}/${verb}`, { method: "POST", headers, body });
  let read = "";
  const decoder = new TextDecoder();
  try {
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) read += decoder.decode(chunk, { stream: true });
    return { status: response.status, read, complete: response.ok };
  } catch {
    return { status: response.status, read, complete: false };
  }
}
