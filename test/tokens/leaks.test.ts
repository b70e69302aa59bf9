import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { newTokenValue, peppersOf } from "../../src/auth/secret.ts";
import { eventsOf } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { githubSignatureOf, signatureOf } from "../support/scanner.ts";
import { changesNothing, everythingStored } from "../support/stored.ts";
import { type NewToken, type World, newOrgToken, newWorld } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

/** Each call has an address of its own, because calls are counted by address. */
let addresses = 1;
const report = (json: unknown, headers: Record<string, string> = {}) =>
  call("POST", "/api/token-leaks", { json, headers: { "CF-Connecting-IP": `2001:db8:1:${(addresses++).toString(16)}::1`, ...headers } });
const scan = (reports: unknown, headers: Record<string, string>) =>
  call("POST", "/api/token-leaks/scanner", { body: JSON.stringify(reports), headers });
const works = async (token: string) => (await call("GET", "/api/user", { token })).status === 200;
const path = "/api/orgs/acme/tokens";

describe("a token that was found", () => {
  it("is disabled at once by anyone who has it, is recorded, and cannot be enabled, only rotated or deleted", async () => {
    const { id, tokenValue } = await newOrgToken(world, "ci");
    expect(await works(tokenValue)).toBe(true);
    const events = await eventsOf(async () => {
      const url = `https://example.com/blob/main/ci.yml?line=${tokenValue}`;
      expect((await report({ token: tokenValue, url })).status).toBe(200);
    });
    expect(await works(tokenValue)).toBe(false);
    expect(events).toMatchObject([{ event: "token-leak-reported", userLogin: "acme", tokenId: id, tokenName: "ci" }]);
    expect(await ok("GET", `${path}/${id}`, { token: world.admin })).toMatchObject({ status: "disabled", disabledReason: "leaked" });
    await refused(409, "POST", `${path}/${id}/enable`, { token: world.admin });
    const reports = await env.DB.prepare("SELECT token_id, source, url FROM leak_reports").all();
    expect(reports.results).toEqual([{ token_id: id, source: "holder", url: "https://example.com/blob/main/ci.yml?line=pul-…" }]);
    expect(await everythingStored([])).not.toContain(tokenValue.slice(4));
    const next = await ok<NewToken>("POST", `${path}/${id}/rotate`, { token: world.admin, json: {} });
    expect(await works(next.tokenValue)).toBe(true);
  });

  it("gets the same answer as an unknown value, a token that has ended, and a text that is not a token", async () => {
    const ended = await newOrgToken(world, "ended");
    await ok("DELETE", `${path}/${ended.id}`, { token: world.admin });
    const living = await newOrgToken(world, "living");
    const invented = (await newTokenValue(peppersOf(env.TOKEN_PEPPER))).value;
    const answers: string[] = [];
    for (const token of [ended.tokenValue, living.tokenValue, living.tokenValue, invented, "pul-nonsense", "", "x".repeat(200)]) {
      const response = await report({ token });
      expect(response.status).toBe(200);
      expect(response.headers.get("X-Pulumi-Warning")).toBeNull();
      answers.push(await response.text());
    }
    expect(new Set(answers).size).toBe(1);
  });

  it("is disabled also when the limiter does not answer", async () => {
    const { tokenValue } = await newOrgToken(world, "ci");
    const limiter = vi.spyOn(env.FAILED_CREDENTIALS, "limit").mockRejectedValue(new Error("rate limit failed: 500"));
    onTestFinished(() => limiter.mockRestore());
    await ok("POST", "/api/token-leaks", { json: { token: tokenValue } });
    await refused(401, "GET", "/api/user", { token: tokenValue });
  });

  it("is one event, however often it is reported", async () => {
    const { tokenValue } = await newOrgToken(world, "ci");
    await report({ token: tokenValue });
    expect(await eventsOf(() => changesNothing(() => report({ token: tokenValue })))).toEqual([]);
  });

  it("may be a personal one: every organization of its person gets the event", async () => {
    const { id, tokenValue } = await ok<NewToken>("POST", "/api/user/tokens", { token: world.member });
    const events = await eventsOf(() => report({ token: ` ${tokenValue}\n` }));
    expect(events).toMatchObject([{ event: "token-leak-reported", userLogin: "mel", tokenId: id }]);
    expect(await works(tokenValue)).toBe(false);
    expect(await works(world.member)).toBe(true);
  });

  it.each([[{}], [{ token: null }], [{ token: 7 }], [{ token: "x".repeat(201) }], [[]]])("is not %j", async (json) => {
    expect((await report(json)).status).toBe(400);
  });

  it("is not looked for when too many ask from one address", async () => {
    const limit = vi.spyOn(env.FAILED_CREDENTIALS, "limit").mockResolvedValue({ success: false });
    onTestFinished(() => limit.mockRestore());
    const { tokenValue } = await newOrgToken(world, "ci");
    const response = await report({ token: tokenValue }, { "CF-Connecting-IP": "198.51.100.77" });
    expect(response.status).toBe(429);
    expect(response.headers.get("Retry-After")).toBe("60");
    expect(limit).toHaveBeenCalledWith({ key: "leak 198.51.100.77" });
    expect(await works(tokenValue)).toBe(true);
  });
});

describe("a scanner", () => {
  const found = async () => {
    const tokens = [await newOrgToken(world, "one"), await newOrgToken(world, "two")];
    const reports = tokens.map(({ tokenValue }) => ({
      token: tokenValue,
      type: "pulumi_access_token",
      url: "https://example.com",
      source: "content",
    }));
    return { tokens, reports: [...reports, { token: "pul-nonsense", type: "x" }] };
  };

  it.each([
    ["a shared secret", async (text: string) => ({ "X-Hub-Signature-256": await signatureOf(text) })],
    [
      "its own key, as GitHub does",
      async (text: string) => ({ "Github-Public-Key-Signature": await githubSignatureOf(text), "Github-Public-Key-Identifier": "x" }),
    ],
  ])("reports many at once, signed with %s", async (_, sign) => {
    const { tokens, reports } = await found();
    // The numbers in a signature have several lengths, and a single try might only test the easy case.
    for (let i = 0; i < 8; i++) expect((await scan([], await sign("[]"))).status).toBe(200);
    const response = await scan(reports, await sign(JSON.stringify(reports)));
    expect(response.status).toBe(200);
    for (const { tokenValue } of tokens) expect(await works(tokenValue)).toBe(false);
    expect((await env.DB.prepare("SELECT source FROM leak_reports").all()).results).toEqual([{ source: "content" }, { source: "content" }]);
  });

  it("with an unknown or a wrong signature ends nothing", async () => {
    const { tokens, reports } = await found();
    const text = JSON.stringify(reports);
    const bad: Record<string, string>[] = [
      {},
      { "X-Hub-Signature-256": await signatureOf(text, "another secret") },
      { "X-Hub-Signature-256": await signatureOf(`${text} `) },
      { "X-Hub-Signature-256": "sha256=" },
      { "Github-Public-Key-Signature": await githubSignatureOf(`${text} `) },
      { "Github-Public-Key-Signature": "MEUCIQ==" },
      { "Github-Public-Key-Signature": "%%%" },
    ];
    await changesNothing(async () => {
      for (const headers of bad) expect((await scan(reports, headers)).status).toBe(403);
    });
    for (const { tokenValue } of tokens) expect(await works(tokenValue)).toBe(true);
  });

  it.each(["", "x", "x".repeat(31)])("is not accepted under a secret that is too short: %j", async (secret) => {
    const before = env.LEAK_SCANNER_SECRET;
    Object.assign(env, { LEAK_SCANNER_SECRET: secret });
    onTestFinished(() => void Object.assign(env, { LEAK_SCANNER_SECRET: before }));
    // WebCrypto refuses an empty key, so the header has any other signature.
    const headers = { "X-Hub-Signature-256": await signatureOf("[]", secret || "x") };
    expect((await scan([], headers)).status).toBe(403);
  });
});
