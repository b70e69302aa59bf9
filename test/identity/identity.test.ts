import { env } from "cloudflare:workers";
import { createLocalJWKSet } from "jose/jwks/local";
import { generateKeyPair } from "jose/key/generate/keypair";
import { jwtVerify } from "jose/jwt/verify";
import { decodeProtectedHeader } from "jose/decode/protected_header";
import { beforeEach, describe, expect, it } from "vitest";
import { toBase64 } from "../../src/bytes/base64.ts";
import { openStore } from "../../src/db/client.ts";
import type { Bindings } from "../../src/env.ts";
import type { Discovery, KeySet } from "../../src/identity/openapi.ts";
import { publishKeys } from "../../src/identity/publish.ts";
import { rotateSigningKeys } from "../../src/identity/rotate.ts";
import { type Subject, signAs, subjectOf } from "../../src/identity/sign.ts";
import type { RequestContext } from "../../src/context.ts";
import { call, ok } from "../support/client.ts";

const DAY = 86_400_000;
const HOUR = 3_600_000;
const issuer = "https://stackpass.test";
const audience = "sts.amazonaws.com";
const stream: Subject = { org: "acme", kind: "audit-stream", name: "archive" };
const bindings = env as unknown as Bindings;

/** The time of the tests advances, so that no isolate answers with the keys of an earlier test. */
let start = Date.now();
beforeEach(() => {
  start += 1000 * DAY;
});

const at = (now: number, more: Partial<Bindings> = {}) => ({ env: { ...bindings, ...more }, store: openStore(bindings), now });
const sign = (now: number, more: Partial<Bindings> = {}) => signAs(at(now, more), { issuer, subject: stream, audience, lifetime: 900 });
const rotate = (now: number, more: Partial<Bindings> = {}) => rotateSigningKeys({ ...bindings, ...more }, now);
const keysAt = async (now: number) => (await publishKeys(at(now) as unknown as RequestContext)).json<KeySet>();
const kidOf = (token: string) => decodeProtectedHeader(token).kid!;
const kidsAt = async (now: number) => (await keysAt(now)).keys.map(({ kid }) => kid);

/** Verifies a token as another service does: it reads the keys, and checks everything. */
async function verify(token: string, now: number) {
  const options = { issuer, audience, subject: "org:acme:audit-stream:archive", algorithms: ["RS256"], currentDate: new Date(now) };
  return (await jwtVerify(token, createLocalJWKSet(await keysAt(now)), options)).payload;
}

describe("the documents of the deployment as an issuer", () => {
  it("lead from the address to the keys, and may be kept for a while", async () => {
    await rotate(Date.now());
    const description = await call("GET", "/.well-known/openid-configuration");
    expect(description.headers.get("Cache-Control")).toBe("public, max-age=300");
    const { issuer: own, jwks_uri: place, ...rest } = await description.json<Discovery>();
    expect(own).toBe(new URL(place).origin);
    expect(rest).toEqual({
      response_types_supported: ["id_token"],
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: ["RS256"],
      claims_supported: expect.arrayContaining(["aud", "exp", "iss", "sub"]) as string[],
    });
    const token = await signAs(at(Date.now()), { issuer: own, subject: stream, audience, lifetime: 60 });
    const keys = await call("GET", new URL(place).pathname);
    expect(keys.headers.get("Cache-Control")).toBe("public, max-age=300");
    const { payload } = await jwtVerify(token, createLocalJWKSet(await keys.json<KeySet>()), { issuer: own, audience });
    expect(payload).toMatchObject({ sub: "org:acme:audit-stream:archive", exp: payload.iat! + 60, jti: expect.any(String) as string });
  });

  it("contain no private part, and are read from the database once in a while", async () => {
    await rotate(start);
    const { keys } = await keysAt(start);
    expect(keys.map((key) => Object.keys(key).toSorted())).toEqual([["alg", "e", "kid", "kty", "n", "use"]]);
    await env.DB.prepare("DELETE FROM signing_keys").run();
    expect(await keysAt(start + 299_000)).toEqual({ keys });
  });

  it("have a key from the first request on, which signs; a flood of requests makes one", async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => publishKeys(at(start) as unknown as RequestContext)));
    const known = await Promise.all(answers.map((answer) => answer.json<KeySet>()));
    const kept = answers.map((answer) => answer.headers.get("Cache-Control"));
    // While one request makes the key, the others answer without it, and nobody may keep their answers.
    known.forEach(({ keys }, i) => expect(kept[i]).toBe(keys.length === 0 ? "no-store" : "public, max-age=300"));
    expect(known.filter(({ keys }) => keys.length === 1)).not.toEqual([]);
    expect(await env.DB.prepare("SELECT count(*) AS n FROM signing_keys").first("n")).toBe(1);
    await verify(await sign(start), start);
    expect(await rotate(start + HOUR)).toEqual({ made: 0, resealed: 0 });
    expect(await kidsAt(start + HOUR)).toHaveLength(1);
  });

  it("write nothing once there is a key", async () => {
    await rotate(start);
    const before = await env.DB.prepare("SELECT * FROM signing_keys").all();
    for (const path of ["/.well-known/openid-configuration", "/.well-known/jwks.json"]) await ok("GET", path);
    expect((await env.DB.prepare("SELECT * FROM signing_keys").all()).results).toEqual(before.results);
  });
});

describe("a signing key", () => {
  it("is followed by the next, which is published before it signs; the old one stays until its last token has expired", async () => {
    await rotate(start);
    const first = await sign(start);
    await verify(first, start + 1000);
    expect(await rotate(start + 88 * DAY)).toEqual({ made: 0, resealed: 0 });
    expect(await rotate(start + 89 * DAY)).toEqual({ made: 1, resealed: 0 });
    expect(await rotate(start + 89 * DAY + HOUR)).toEqual({ made: 0, resealed: 0 });
    const last = await sign(start + 90 * DAY - 1000);
    expect(kidOf(last)).toBe(kidOf(first));
    const next = await sign(start + 90 * DAY);
    expect(kidOf(next)).not.toBe(kidOf(first));
    for (const token of [last, next]) await verify(token, start + 90 * DAY + 1000);
    await rotate(start + 90 * DAY + HOUR);
    await verify(last, start + 90 * DAY + 890_000);
    await rotate(start + 91 * DAY + HOUR);
    expect(await kidsAt(start + 91 * DAY + 2 * HOUR)).toEqual([kidOf(next)]);
  });

  it("has the lifetime that the deployment sets", async () => {
    const weekly = { SIGNING_KEY_DAYS: "7" };
    await rotate(start, weekly);
    expect(await rotate(start + 5 * DAY, weekly)).toMatchObject({ made: 0 });
    expect(await rotate(start + 6 * DAY, weekly)).toMatchObject({ made: 1 });
  });

  it("is made once when two Workers make it at the same time, by the cron or to sign", async () => {
    await Promise.all([rotate(start), rotate(start)]);
    expect(await kidsAt(start)).toHaveLength(1);
    await env.DB.prepare("DELETE FROM signing_keys").run();
    const tokens = await Promise.all([sign(start + HOUR), sign(start + HOUR)]);
    expect(new Set(tokens.map(kidOf)).size).toBe(1);
    await Promise.all([rotate(start + 100 * DAY), rotate(start + 100 * DAY)]);
    expect(await kidsAt(start + 100 * DAY)).toHaveLength(2);
  });

  it("is encrypted again after a new master key was set, and is replaced at once when nobody can read it", async () => {
    const [older, newer, other] = [1, 2, 3].map((id) => `${id}:${btoa(String.fromCharCode(...Array<number>(32).fill(id)))}`);
    const before = { ENCRYPTION_KEYS: older! };
    await rotate(start, before);
    const first = await sign(start, before);
    const both = { ENCRYPTION_KEYS: `${newer},${older}` };
    expect(await rotate(start + HOUR, both)).toEqual({ made: 0, resealed: 1 });
    expect(await rotate(start + HOUR, both)).toEqual({ made: 0, resealed: 0 });
    expect(kidOf(await sign(start + HOUR, { ENCRYPTION_KEYS: newer! }))).toBe(kidOf(first));
    const lost = await sign(start + 2 * HOUR, { ENCRYPTION_KEYS: other! });
    expect(kidOf(lost)).not.toBe(kidOf(first));
    // Every unencrypted RSA key begins with the same bytes.
    const plain = toBase64(
      new Uint8Array(
        (await crypto.subtle.exportKey("pkcs8", (await generateKeyPair("RS256", { extractable: true })).privateKey)) as ArrayBuffer,
      ),
    );
    const stored = await env.DB.prepare("SELECT public_key, sealed_key FROM signing_keys").all<{
      public_key: string;
      sealed_key: string;
    }>();
    expect(stored.results.length).toBeGreaterThan(1);
    for (const row of stored.results) {
      expect(JSON.parse(row.public_key)).not.toHaveProperty("d");
      expect(row.sealed_key).not.toContain(plain.slice(8, 32));
    }
    await verify(lost, start + 2 * HOUR + 1000);
    await verify(first, start + 600_000);
    expect(await rotate(start + 3 * HOUR, { ENCRYPTION_KEYS: older! })).toMatchObject({ made: 1 });
  });
});

describe("a token of the deployment", () => {
  it("lives for at most 15 minutes", async () => {
    for (const lifetime of [0, -1, 901, NaN])
      await expect(signAs(at(start), { issuer, subject: stream, audience, lifetime })).rejects.toThrow("1 to 900 seconds");
    await expect(verify(await sign(start), start + 901_000)).rejects.toThrow("exp");
  });

  it("has a subject that no name can imitate", () => {
    expect(subjectOf({ ...stream, name: "my archive" })).toBe("org:acme:audit-stream:my%20archive");
    expect(subjectOf({ ...stream, org: "acme:audit-stream", name: "x:org:globex" })).toBe(
      "org:acme%3Aaudit-stream:audit-stream:x%3Aorg%3Aglobex",
    );
  });
});
