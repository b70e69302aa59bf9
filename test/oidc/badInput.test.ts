import * as fc from "fast-check";
import { beforeEach, describe, expect, inject, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { call } from "../support/client.ts";
import { type World, newWorld } from "../support/world.ts";
import { type Idp, allowing, exchange, exchanged, form, goodClaims, newIdp, newKey, notExchanged, nowInSeconds } from "./support/idp.ts";

let world: World;
let idp: Idp;
beforeEach(async () => {
  world = await newWorld();
  idp = await newIdp(world, [allowing({ rules: { sub: "*" } })]);
});

const encode = (value: unknown) =>
  btoa(typeof value === "string" ? value : JSON.stringify(value))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
/** A token without a signature. */
const unsigned = (header: unknown, claims: unknown = goodClaims(idp.url)) => `${encode(header)}.${encode(claims)}.${"A".repeat(342)}`;
const header = { alg: "RS256", kid: "shared", typ: "JWT" };
const nested = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;

describe("a token that is refused", () => {
  const tokens: [string, () => string | Promise<string>, string][] = [
    ["of 1 MB", () => "x".repeat(1_000_000), ""],
    ["of 9 KB", () => `${unsigned(header)}${"A".repeat(9000)}`, "characters"],
    [
      "with 1,000 claims",
      () => unsigned(header, { ...goodClaims(idp.url), ...Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`c${i}`, 1])) }),
      "characters",
    ],
    ["nested 100 deep", () => unsigned(header, JSON.stringify(goodClaims(idp.url)).replace("{", `{"deep":${nested(100)},`)), "not a JWT"],
    ["with duplicate members", () => unsigned(header, JSON.stringify(goodClaims(idp.url)).replace("{", '{"sub":"x",')), "repeated members"],
    ["with duplicate members in its header", () => unsigned('{"alg":"RS256","alg":"none"}'), "repeated members"],
    ["with the algorithm none", () => `${encode({ alg: "none" })}.${encode(goodClaims(idp.url))}.`, "algorithm"],
    ["with the algorithm HS256", () => unsigned({ ...header, alg: "HS256" }), "algorithm"],
    ["with an unknown algorithm", () => unsigned({ ...header, alg: "RS257" }), "algorithm"],
    ["with no algorithm", () => unsigned({ kid: "shared" }), "algorithm"],
    ["with crit", () => unsigned({ ...header, crit: ["exp"] }), "crit"],
    ["with a kid of path tricks", () => unsigned({ ...header, kid: "../../../etc/passwd" }), "no key of the issuer"],
    ["with a kid that is no text", () => unsigned({ ...header, kid: { a: 1 } }), "kid"],
    ["with a wrong signature", () => unsigned(header), "signature"],
    ["without an issuer", () => unsigned(header, { sub: "x" }), "no issuer"],
    ["with an issuer that is no text", () => unsigned(header, { iss: ["x"] }), "no issuer"],
    ["with claims that are a list", () => unsigned(header, "[]"), "not a JWT"],
    ["with two parts", () => "a.b", "not a signed JWT"],
    ["of five parts, as if encrypted", () => "a.b.c.d.e", "not a signed JWT"],
    ["that is no base64", () => "%%%.%%%.%%%", "not a JWT"],
    ["that is no UTF-8", () => `${encode(header)}.${btoa("\xff\xfe")}.AAAA`, "not a JWT"],
    ["that has expired", () => idp.token({ exp: nowInSeconds() - 1 }), "expired"],
    ["without an expiry", () => idp.token({ exp: undefined }), "no expiry"],
    ["with an expiry that is no number", () => idp.token({ exp: "tomorrow" }), ""],
    ["that is not valid yet", () => idp.token({ nbf: nowInSeconds() + 120 }), "not valid yet"],
    ["of the future", () => idp.token({ iat: nowInSeconds() + 120 }), "in the future"],
    ["of last week", () => idp.token({ iat: nowInSeconds() - 7 * 86_400 }), "more than a day ago"],
    ["without a time", () => idp.token({ iat: undefined }), "iat"],
    ["whose issuer has a slash more", () => idp.token({ iss: `${idp.url}/` }), "does not accept tokens of this issuer"],
    ["whose issuer is in capitals", () => idp.token({ iss: idp.url.toUpperCase() }), "does not accept tokens of this issuer"],
    ["for another audience, in a list", () => idp.token({ aud: ["https://sts.amazonaws.com"] }), "not meant for this service"],
  ];
  it.each(tokens)("%s", async (_, make, why) => {
    const token = await make();
    const events = await eventsOf(async () => {
      const refusal = await notExchanged(token);
      expect([400, 413]).toContain(refusal.status);
      expect(refusal.error).toMatch(/^invalid_(grant|request)$/);
      expect(refusal.error_description).toContain(why);
    });
    expect(events.length).toBeLessThanOrEqual(1);
  });

  it("with the key of somebody else in its header", async () => {
    const evil = await newKey("shared");
    for (const more of [
      { jku: "https://evil.example.com/keys" },
      { x5u: "https://evil.example.com/cert" },
      { jwk: evil.jwk },
      { x5c: ["AAAA"] },
    ])
      expect(await notExchanged(await evil.sign(goodClaims(idp.url), more))).toMatchObject({ error: "invalid_grant" });
    // These members are ignored in a token with a valid signature.
    await exchanged(await idp.token({}, { jku: "https://evil.example.com/keys" }));
  });
});

it("accepts every algorithm of the list with a key of its kind, and no key with the algorithm of another", async () => {
  for (const alg of ["RS256", "PS384", "ES256", "ES384", "EdDSA"]) {
    const key = await newKey("own", alg);
    const { url } = await newIdp(world, [allowing({ rules: { sub: "*" } })], { jwks: { keys: [key.jwk] } });
    await exchanged(await key.sign(goodClaims(url)));
    const { status } = await exchange(await (await newKey("own", alg === "RS256" ? "PS256" : "RS256")).sign(goodClaims(url)));
    expect(status).toBe(400);
  }
});

it("accepts a list of audiences, and times within a minute", async () => {
  await exchanged(await idp.token({ aud: ["other", "urn:pulumi:org:acme"], iat: nowInSeconds() + 30, nbf: nowInSeconds() + 30 }));
});

it("answers signed tokens with claims of any type, and leaves at most one event each", async () => {
  const strict = await newIdp(
    world,
    [
      allowing({ rules: { sub: "*" }, stacks: [{ project: "{repository_name}", stack: "{environment}-*", access: "write" }] }),
      { ...allowing({ rules: { ref: "x*" } }), decision: "deny" },
    ],
    { singleUse: true },
  );
  const odd: unknown[] = [
    "",
    "\0",
    "\ud800",
    "🎈".repeat(400),
    "a".repeat(3000),
    "../..",
    "*",
    "${x}",
    "<b>",
    null,
    true,
    -0,
    1.5,
    1e308,
    -1e308,
    [],
    {},
  ];
  odd.push(
    ["a", 1, null, {}],
    [["a"]],
    { "a.b": { c: [1] } },
    2 ** 60,
    Array.from({ length: 900 }, () => "*"),
  );
  const names = [
    "sub",
    "jti",
    "repository",
    "repository_name",
    "environment",
    "ref",
    "run_id",
    "project_path",
    "event_name",
    "exp",
    "nbf",
    "iat",
    "aud",
  ];
  const statuses = new Set<number>();
  let at = 1;
  for (const name of names)
    for (const value of odd) {
      const events = await eventsOf(async () => {
        const claims = { jti: crypto.randomUUID(), repository: "acme/shop", environment: "dev", [name]: value };
        const headers = { "CF-Connecting-IP": `2001:db8:${(at++).toString(16)}::1` };
        const { status } = await call("POST", "/api/oauth/token", { json: form(await strict.token(claims)), headers });
        expect([200, 400], `${name}: ${JSON.stringify(value).slice(0, 50)}`).toContain(status);
        statuses.add(status);
      });
      expect(events.length).toBeLessThanOrEqual(1);
    }
  expect([...statuses].toSorted((a, b) => a - b)).toEqual([200, 400]);
});

describe("a request that is refused", () => {
  const fields = async () => form(await idp.token());
  const send = (more: Record<string, unknown>) => call("POST", "/api/oauth/token", { json: more });
  const cases: [string, Record<string, unknown>, string][] = [
    ["without a grant", { grant_type: undefined }, "invalid_request"],
    ["to refresh", { grant_type: "refresh_token" }, "unsupported_grant_type"],
    ["of another subject", { subject_token_type: "urn:ietf:params:oauth:token-type:access_token" }, "invalid_request"],
    ["without a subject", { subject_token: "" }, "invalid_request"],
    ["of another audience", { audience: "acme" }, "invalid_target"],
    ["of no organization", { audience: "urn:pulumi:org:" }, "invalid_target"],
    ["for a runner", { requested_token_type: "urn:pulumi:token-type:access_token:runner", scope: "runner:x" }, "unsupported_token_type"],
    ["for no kind of token", { requested_token_type: "" }, "invalid_request"],
    ["for an unknown kind of token", { requested_token_type: "urn:ietf:params:oauth:token-type:jwt" }, "unsupported_token_type"],
    ["with the scope of another kind", { scope: "team:ops" }, "invalid_scope"],
    ["with a team without a name", { requested_token_type: "urn:pulumi:token-type:access_token:team", scope: "team:" }, "invalid_scope"],
    ["with a person without a login", { requested_token_type: "urn:pulumi:token-type:access_token:personal", scope: "" }, "invalid_scope"],
    ["with an object", { scope: { a: 1 } }, "invalid_request"],
    ["with an expiration in words", { expiration: "tomorrow" }, "invalid_request"],
  ];
  it.each(cases)("%s", async (_, more, error) => {
    const response = await send({ ...(await fields()), ...more });
    expect({ status: response.status, ...(await response.json<object>()) }).toMatchObject({ status: 400, code: 400, error });
  });

  it.each([
    ["that is empty", ""],
    ["that is no JSON", "{"],
    ["that is a list", "[]"],
    ["with a parameter twice", "grant_type=a&grant_type=b"],
    ["that is too large", "x".repeat(20_000)],
    ["nested too deep", nested(2000)],
    ["with a byte order mark", "\ufeff{}"],
    ["with a NUL", "grant_type=\0"],
  ])("%s", async (_, body) => {
    for (const type of ["application/json", "application/x-www-form-urlencoded", "text/plain"]) {
      const response = await call("POST", "/api/oauth/token", { body, headers: { "Content-Type": type } });
      expect([400, 413]).toContain(response.status);
      expect(await response.json()).toMatchObject({ error: expect.any(String) as string, error_description: expect.any(String) as string });
    }
  });

  it("beyond the number of failures of an address", async () => {
    const statuses = new Set<number>();
    const headers = { "CF-Connecting-IP": "2001:db8:77::1", "Content-Type": "application/x-www-form-urlencoded" };
    for (let i = 0; i < 105; i++) {
      const response = await call("POST", "/api/oauth/token", { body: new URLSearchParams(form("a.b.c")).toString(), headers });
      statuses.add(response.status);
      if (response.status === 429) expect(await response.json()).toMatchObject({ error: "temporarily_unavailable" });
    }
    expect([...statuses]).toEqual([400, 429]);
  });
});

it("survives mutations of good requests and of bad ones", async () => {
  const good = form(await idp.token());
  const bits = fc.oneof(
    fc.string({ maxLength: 20 }),
    fc.constantFrom("..", '{"', "\0", "%00", "urn:pulumi:org:", "=&", "é", "🎈", "null", "-1", "1e99"),
  );
  const names = fc.constantFrom(...Object.keys(good));
  const change = fc.tuple(names, fc.nat({ max: 400 }), fc.nat({ max: 20 }), bits);
  const mutation = fc.tuple(fc.array(change, { minLength: 1, maxLength: 4 }), fc.boolean(), fc.nat({ max: 0xffff }));
  let requests = 0;
  await fc.assert(
    fc.asyncProperty(mutation, async ([changes, asJson, from]) => {
      const fields = { ...good } as Record<string, string>;
      for (const [name, at, removed, added] of changes) {
        const text = fields[name]!;
        const place = at % (text.length + 1);
        fields[name] = text.slice(0, place) + added + text.slice(place + removed);
      }
      const headers = {
        "CF-Connecting-IP": `2001:db8:${from.toString(16)}::1`,
        "Content-Type": asJson ? "application/json" : "application/x-www-form-urlencoded",
      };
      const body = asJson ? JSON.stringify(fields) : new URLSearchParams(fields).toString();
      const response = await call("POST", "/api/oauth/token", { body, headers });
      const answer = await response.json<Record<string, unknown>>();
      requests++;
      expect(response.status).toBeLessThan(500);
      if (response.status !== 200) expect(answer["error"]).toBeTypeOf("string");
    }),
    { numRuns: 100 * inject("sizes").runs },
  );
  expect(requests).toBeGreaterThanOrEqual(100);
});
