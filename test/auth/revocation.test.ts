import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, inject, it } from "vitest";
import { cacheKey } from "../../src/auth/resolve.ts";
import { settledLog } from "../support/audit.ts";
import { cacheIdentity, cachedIdentity, hashOf } from "../support/cache.ts";
import { commitOrder, rememberCommitOrder } from "../support/commitOrder.ts";
import { call, ok, refused } from "../support/client.ts";
import { laterBy } from "../support/clock.ts";
import { breakCache } from "../support/faults.ts";
import { race } from "../support/race.ts";
import { records } from "../support/stored.ts";
import { type NewToken, type World, newOrgToken, newStack, newWorld } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

const end = (token: NewToken) => call("DELETE", `/api/orgs/acme/tokens/${token.id}`, { token: world.admin });

describe("of many deletions that race with a use of the token, none accepts the use after the deletion was committed:", () => {
  const races = {
    /** Sends the call that `token` must be stopped from, and names the event that shows that the call was accepted. */
    "start an update": {
      event: "stack-update-started",
      prepare: async (n: number) => {
        await newStack(world.member, "web", `s${n}`);
        const path = `/api/stacks/acme/web/s${n}/update`;
        return `${path}/${(await ok<{ updateID: string }>("POST", path, { token: world.member, json: {} })).updateID}`;
      },
      json: async () => ({}),
    },
    "import a state": {
      event: "stack-imported",
      prepare: async () => "/api/stacks/acme/web/dev/import",
      json: async () => ({ version: 3, deployment: {} }),
    },
    "decrypt a secret": {
      event: "secret-decrypted",
      prepare: async () => "/api/stacks/acme/web/dev/decrypt",
      json: async () => ok("POST", "/api/stacks/acme/web/dev/encrypt", { token: world.member, json: { plaintext: "aGk=" } }),
    },
  };
  /** The long form has 1,000 races: four times as many of each kind. */
  const ROUNDS = Array.from({ length: inject("sizes").deletionRounds }, (_, i) => i + 1);
  const RACES = 84;

  describe.each(Object.entries(races))("%s", (_, { event, prepare, json }) => {
    it.each(ROUNDS)("round %i", { timeout: 60_000 }, async (round) => {
      await newStack(world.member);
      await rememberCommitOrder();
      const body = await json();
      const answers = await Promise.all(
        Array.from({ length: RACES }, async (_, n) => {
          const path = await prepare(n);
          const token = await newOrgToken(world, `ci-${n}`);
          const use = () =>
            call("POST", path, { token: token.tokenValue, json: body, headers: { "CF-Connecting-IP": `2001:db8:${round}:${n}::1` } });
          // Half of the tokens are in the cache when the race begins.
          if (n % 2 === 0) await ok("GET", "/api/user", { token: token.tokenValue });
          const [used, ended] = await race(n, use, () => end(token));
          expect(ended.status).toBe(204);
          expect((await use()).status, "sent after the 204 was received").toBe(401);
          return { token, status: used.status };
        }),
      );

      const committed = await commitOrder();
      for (const { token, status } of answers) {
        const deleted = committed.findIndex((row) => row.event === "organization-token-deleted" && row.description.includes(token.id));
        const accepted = committed.flatMap((row, at) => (row.event === event && row.tokenId === token.id ? [at] : []));
        expect(deleted).toBeGreaterThanOrEqual(0);
        expect([200, 401]).toContain(status);
        expect(accepted).toHaveLength(status === 200 ? 1 : 0);
        for (const at of accepted) expect(at).toBeLessThan(deleted);
      }
      // Both outcomes have occurred.
      const outcomes = new Set(answers.map((answer) => answer.status));
      expect(outcomes).toEqual(new Set([200, 401]));
    });
  });
});

describe("a token that is switched off, rotated away or narrowed while it is used", () => {
  /** Each entry ends what the token could do. It begins with the name of the event. */
  const endings: [string, string, string, unknown, number][] = [
    ["disabled", "disable", "organization-token-disabled", {}, 401],
    ["rotated without an overlap", "rotate", "organization-token-rotated", { overlap: 0 }, 401],
    ["limited to another stack", "", "organization-token-updated", { stacks: [{ project: "other" }] }, 404],
    ["limited to another network", "", "organization-token-updated", { ipAllowList: ["192.0.2.1"] }, 403],
  ];

  it.each(endings)("%s: no use is accepted after that was committed", { timeout: 60_000 }, async (_, verb, event, json, status) => {
    await newStack(world.member);
    await rememberCommitOrder();
    const path = "/api/stacks/acme/web/dev/import";
    const answers = await Promise.all(
      Array.from({ length: 24 }, async (_, n) => {
        const token = await newOrgToken(world, `ci-${n}`);
        const headers = { "CF-Connecting-IP": `2001:db8:9:${n}::1` };
        const use = () => call("POST", path, { token: token.tokenValue, json: { version: 3, deployment: {} }, headers });
        if (n % 2 === 0) await ok("GET", "/api/user", { token: token.tokenValue, headers });
        const change = () =>
          call(verb === "" ? "PATCH" : "POST", `/api/orgs/acme/tokens/${token.id}${verb && `/${verb}`}`, { token: world.admin, json });
        const [used, changed] = await Promise.all([use(), scheduler.wait(n % 5).then(change)]);
        expect(changed.status).toBe(200);
        expect((await use()).status, "sent after the change was answered").toBe(status);
        return { token, status: used.status };
      }),
    );
    const committed = await commitOrder();
    for (const answer of answers) {
      const changed = committed.findIndex((row) => row.event === event && row.description.includes(answer.token.id));
      const accepted = committed.flatMap((row, at) => (row.event === "stack-imported" && row.tokenId === answer.token.id ? [at] : []));
      expect(changed).toBeGreaterThanOrEqual(0);
      expect(accepted).toHaveLength(answer.status === 200 ? 1 : 0);
      for (const at of accepted) expect(at).toBeLessThan(changed);
    }
  });

  it("at the end of an overlap, whatever was cached", async () => {
    await newStack(world.member);
    const token = await newOrgToken(world, "ci");
    await ok("POST", `/api/orgs/acme/tokens/${token.id}/rotate`, { token: world.admin, json: { overlap: 30 } });
    await ok("GET", "/api/user", { token: token.tokenValue });
    const entry = await cachedIdentity(token.tokenValue);
    laterBy(30_000);
    // Even a cached identity from before the rotation does not let a write pass.
    await cacheIdentity(token.tokenValue, { ...entry, expiresAt: null, checkedAt: Date.now() });
    const before = await records();
    await refused(401, "POST", "/api/stacks/acme/web/dev/update", { token: token.tokenValue, json: {} });
    expect(await records()).toEqual(before);
  });
});

describe("an identity that is cached after its token was deleted", () => {
  it("allows a read that needs no database for less than 60 seconds by our own clock, and then no longer", async () => {
    laterBy(0);
    const token = await newOrgToken(world, "ci");
    await ok("GET", "/api/user", { token: token.tokenValue });
    const entry = await cachedIdentity(token.tokenValue);
    await end(token);

    await cacheIdentity(token.tokenValue, { ...entry, checkedAt: Date.now() - 58_000 });
    await ok("GET", "/api/user", { token: token.tokenValue });
    await cacheIdentity(token.tokenValue, { ...entry, checkedAt: Date.now() - 60_000 });
    await refused(401, "GET", "/api/user", { token: token.tokenValue });
  });

  it.each([
    ["a start", "POST", "/api/stacks/acme/web/dev/update", {}],
    ["a new stack", "POST", "/api/stacks/acme/web", { stackName: "new" }],
    ["an import", "POST", "/api/stacks/acme/web/dev/import", { version: 3, deployment: {} }],
    ["tags", "PATCH", "/api/stacks/acme/web/dev/tags", { a: "b" }],
    ["an encryption", "POST", "/api/stacks/acme/web/dev/encrypt", { plaintext: "" }],
    ["a decryption", "POST", "/api/stacks/acme/web/dev/decrypt", { ciphertext: "" }],
    ["an export", "GET", "/api/stacks/acme/web/dev/export", undefined],
    ["a deletion", "DELETE", "/api/stacks/acme/web/dev", undefined],
    ["a list of tokens", "GET", "/api/orgs/acme/tokens", undefined],
    ["a new member", "POST", "/api/orgs/acme/members/gus", { role: "admin" }],
    ["the audit log", "GET", "/api/orgs/acme/auditlogs", undefined],
  ])("does not pass %s", async (_, method, path, json) => {
    await newStack(world.member);
    const token = await newOrgToken(world, "ci", { admin: true });
    await ok("GET", "/api/user", { token: token.tokenValue });
    const entry = await cachedIdentity(token.tokenValue);
    await end(token);
    await cacheIdentity(token.tokenValue, entry);
    const before = await records();
    await refused(401, method, path, { token: token.tokenValue, json });
    expect(await records()).toEqual(before);
  });

  it("is not cached longer by a slow look-up: the age of an entry counts from its look-up", async () => {
    const token = await newOrgToken(world, "ci");
    laterBy(0);
    const looked = Date.now();
    await ok("GET", "/api/user", { token: token.tokenValue });
    expect((await cachedIdentity(token.tokenValue)).checkedAt).toBe(looked);
  });
});

describe("the cache", () => {
  it("is emptied before a deletion is answered", async () => {
    const token = await newOrgToken(world, "ci");
    await ok("GET", "/api/user", { token: token.tokenValue });
    await cachedIdentity(token.tokenValue);
    await end(token);
    expect(await env.TOKEN_CACHE.get(await keyOf(token))).toBeNull();
    await refused(401, "GET", "/api/user", { token: token.tokenValue });
  });

  it("stores nothing for an unknown token, so that a token works as soon as it exists", async () => {
    const token = await newOrgToken(world, "ci");
    const row = await env.DB.prepare("SELECT hash FROM access_tokens WHERE id = ?").bind(token.id).first<string>("hash");
    await env.DB.prepare("UPDATE access_tokens SET hash = 'elsewhere' WHERE id = ?").bind(token.id).run();
    await refused(401, "GET", "/api/user", { token: token.tokenValue });
    expect((await env.TOKEN_CACHE.list({ prefix: await keyOf(token) })).keys).toEqual([]);
    await env.DB.prepare("UPDATE access_tokens SET hash = ? WHERE id = ?").bind(row, token.id).run();
    await ok("GET", "/api/user", { token: token.tokenValue });
  });

  it("holds nothing for a token that ended", async () => {
    const token = await newOrgToken(world, "ci");
    await end(token);
    await refused(401, "GET", "/api/user", { token: token.tokenValue });
    expect(await env.TOKEN_CACHE.get(await keyOf(token))).toBeNull();
  });

  it("that cannot be reached is a miss: nothing fails, and a deletion still ends the token", async () => {
    const token = await newOrgToken(world, "ci");
    breakCache();
    await ok("GET", "/api/user", { token: token.tokenValue });
    expect((await end(token)).status).toBe(204);
    await refused(401, "GET", "/api/user", { token: token.tokenValue });
  });

  it("says where an identity came from and how old it is", async () => {
    laterBy(0);
    const token = await newOrgToken(world, "ci");
    const first = await call("GET", "/api/user", { token: token.tokenValue });
    expect(first.headers.get("Server-Timing")).toMatch(/^identity;desc="database";dur=0, d1;desc="1"/);
    const entry = await cachedIdentity(token.tokenValue);
    await cacheIdentity(token.tokenValue, { ...entry, checkedAt: Date.now() - 20_000 });
    const second = await call("GET", "/api/user", { token: token.tokenValue });
    expect(second.headers.get("Server-Timing")).toMatch(/^identity;desc="cache";dur=20\d\d\d, d1;desc="0"/);
  });

  it("cannot stretch a token beyond its own expiry", async () => {
    const token = await newOrgToken(world, "ci", { expires: Math.floor(Date.now() / 1000) + 20 });
    await ok("GET", "/api/user", { token: token.tokenValue });
    await cachedIdentity(token.tokenValue);
    laterBy(21_000);
    await refused(401, "GET", "/api/user", { token: token.tokenValue });
  });
});

describe("a token that ended tells its holder why", () => {
  it("when it was deleted", async () => {
    laterBy(0);
    const token = await newOrgToken(world, "ci");
    await end(token);
    const response = await call("GET", "/api/user", { token: token.tokenValue });
    expect(await response.json()).toEqual({ code: 401, message: "Unauthorized: No credentials provided or are invalid." });
    const minute = new Date().toISOString().slice(0, 15).replace("T", " ");
    expect(response.headers.get("X-Pulumi-Warning")).toMatch(new RegExp(`^organization token ci of acme was deleted on ${minute}\\d UTC$`));
    expect(response.headers.get("X-Pulumi-Warning")).not.toContain("ada");
  });

  it("when it expired", async () => {
    const token = await newOrgToken(world, "ci", { expires: Math.floor(Date.UTC(2027, 5, 1, 12, 30) / 1000) });
    laterBy(Date.UTC(2027, 5, 2) - Date.now());
    const response = await call("POST", "/api/stacks/acme/web", { token: token.tokenValue, json: { stackName: "dev" } });
    expect(response.status).toBe(401);
    expect(response.headers.get("X-Pulumi-Warning")).toBe("organization token ci of acme expired on 2027-06-01 12:30 UTC");
  });

  it("when it was a personal one", async () => {
    const { id, tokenValue } = await ok<NewToken>("POST", "/api/user/tokens", { token: world.member });
    await ok("DELETE", `/api/user/tokens/${id}`, { token: world.member });
    const response = await call("GET", "/api/user", { token: tokenValue });
    expect(response.status).toBe(401);
    expect(response.headers.get("X-Pulumi-Warning")).toMatch(/^personal token was deleted on /);
  });

  it("but not somebody who has another value", async () => {
    for (const value of ["pul-0000000000000000000000000000000000000000", "nonsense", ""]) {
      const response = await call("GET", "/api/user", { token: value });
      expect(response.status).toBe(401);
      expect(response.headers.get("X-Pulumi-Warning")).toBeNull();
    }
  });

  it("and its use is an event that names the token, not the person who made it", async () => {
    const token = await newOrgToken(world, "ci");
    await end(token);
    await refused(401, "GET", "/api/user", { token: token.tokenValue });
    const last = (await settledLog()).filter((event) => event.event === "auth-failure-access-token");
    expect(last).toMatchObject([{ userLogin: "acme", tokenId: token.id, tokenName: "ci", authFailure: true, sourceIp: "203.0.113.9" }]);
  });
});

async function keyOf(token: NewToken): Promise<string> {
  return cacheKey(await hashOf(token.tokenValue));
}
