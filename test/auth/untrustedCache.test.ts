import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { routes } from "../../src/app/routes.ts";
import type { Identity } from "../../src/auth/identity.ts";
import { cacheKey } from "../../src/auth/resolve.ts";
import { flush } from "../../src/auth/touch.ts";
import { openStore } from "../../src/db/client.ts";
import type { Route } from "../../src/http/route.ts";
import { shown, signIn } from "../support/browser.ts";
import { cacheIdentity, cachedIdentity, hashOf } from "../support/cache.ts";
import { call, ok, refused } from "../support/client.ts";
import { addPeople, goodCall } from "../support/goodCall.ts";
import { changesNothing, everythingStored } from "../support/stored.ts";
import { type NewToken, type World, newOrgToken, newStack, newWorld, startUpdate } from "../support/world.ts";

let world: World;
/** A machine's token that may see no stack. */
let mole: NewToken;
beforeEach(async () => {
  world = await newWorld();
  await addPeople();
  mole = await newOrgToken(world, "mole", { stacks: [{ project: "none-of-these" }] });
});

/**
 * The cached entry of a token, as bytes: all that an attacker with access to the namespace, but without the secrets, can read and write.
 */
async function entryOf(token: string): Promise<string> {
  await ok("GET", "/api/user", { token });
  await cachedIdentity(token);
  return (await env.TOKEN_CACHE.get(cacheKey(await hashOf(token))))!;
}
const identityOf = async (token: string) => (await entryOf(token), cachedIdentity(token));
const plant = async (token: string, entry: string) => env.TOKEN_CACHE.put(cacheKey(await hashOf(token)), entry);

/** Operations that are answered from the identity alone, see `test/auth/matrix.test.ts`. */
const withoutDatabase = new Set([
  "ListTemplates",
  "ListAvailableScopes",
  "ListPackages",
  "GetOrgTemplates",
  "ListPolicyGroups",
  "ListPolicyPacks_orgs",
  "GetCurrentUser",
  "GetDefaultOrganization",
  "GetOrganization",
  "ListAuditLogEventTypes",
  "GetAuditLogsReaderKind",
]);

const needsToken = ({ permission }: Route["definition"]) => !["public", "lease", "operator"].includes(permission);

describe.each(routes.map(({ definition }) => definition).filter(needsToken))("$method $path", (definition) => {
  it("gives a token no more rights when an administrator's entry is stored under its key", async () => {
    const admin = await entryOf(world.admin);
    const administrator = await identityOf(world.admin);
    const { path, json, headers } = await goodCall(world, definition);
    const ask = async (cache: () => Promise<unknown>) => {
      await cache();
      const response = await call(definition.method, path, { token: mole.tokenValue, json, headers });
      return { status: response.status, body: await response.text() };
    };
    await changesNothing(async () => {
      const own = await ask(async () => env.TOKEN_CACHE.delete(cacheKey(await hashOf(mole.tokenValue))));
      // The entry is copied unchanged, and written by hand in the form that entries had before they were signed.
      for (const entry of [admin, JSON.stringify(administrator), "0".repeat(64) + JSON.stringify(administrator)])
        expect(await ask(() => plant(mole.tokenValue, entry))).toEqual(own);
      // This entry is even signed, which needs the pepper. The guard still compares the presented value with the token that the entry
      // names.
      const signed = await ask(() => cacheIdentity(mole.tokenValue, { ...administrator, checkedAt: Date.now() }));
      if (!withoutDatabase.has(definition.operationId)) expect(signed.status).toBe(own.status);
    });
  });
});

describe("a cache entry that an attacker wrote", () => {
  const forged = (identity: Identity, change: (actor: never) => void) => {
    const copy = structuredClone(identity);
    change(copy.actor as never);
    return copy;
  };
  const tokens = () => call("GET", "/api/orgs/acme/tokens", { token: world.member });

  it("makes a member neither an administrator nor another person", async () => {
    const [own, admin] = [await identityOf(world.member), await identityOf(world.admin)];
    const other = (admin.actor as { user: object }).user;
    const changes: ((actor: { user: object; memberships: { role: string }[] }) => void)[] = [
      (actor) => (actor.memberships[0]!.role = "admin"),
      (actor) => Object.assign(actor, { user: other }),
      (actor) => Object.assign(actor, { user: other, memberships: (admin.actor as { memberships: object[] }).memberships }),
    ];
    for (const change of changes) {
      const entry = forged(own, change as never);
      // These entries have no signature or a wrong one: even operations that need no database ignore them.
      for (const planted of [JSON.stringify(entry), "0".repeat(64) + JSON.stringify({ ...entry, checkedAt: Date.now() })]) {
        await plant(world.member, planted);
        expect(await ok("GET", "/api/user", { token: world.member })).toMatchObject({ githubLogin: "mel" });
        await plant(world.member, planted);
        expect((await tokens()).status).toBe(403);
      }
      // This repeats the test with an entry that is signed with the pepper.
      await cacheIdentity(world.member, { ...entry, checkedAt: Date.now() });
      expect((await tokens()).status).toBe(403);
    }
  });

  it("does not lift the limits of a token", async () => {
    await newStack(world.member);
    const entry = forged(await identityOf(mole.tokenValue), ((actor: { limits: object }) =>
      Object.assign(actor.limits, { stackRules: null })) as never);
    await plant(mole.tokenValue, JSON.stringify(entry));
    await refused(404, "GET", "/api/stacks/acme/web/dev/export", { token: mole.tokenValue });
  });

  it("of another organization opens nothing there", async () => {
    const entry = await entryOf(world.stranger);
    await plant(mole.tokenValue, entry);
    await refused(404, "POST", "/api/orgs/globex/tokens", { token: mole.tokenValue, json: { name: "mine" } });
    expect(await ok("GET", "/api/user", { token: mole.tokenValue })).toMatchObject({ githubLogin: "acme", tokenInfo: { name: "mole" } });
  });

  it("of a token whose update still runs does not encrypt in its place", async () => {
    await newStack(world.member);
    const doomed = await newOrgToken(world, "doomed");
    await startUpdate(doomed.tokenValue);
    const identity = await identityOf(doomed.tokenValue);
    await ok("DELETE", `/api/orgs/acme/tokens/${doomed.id}`, { token: world.admin });
    await cacheIdentity(mole.tokenValue, { ...identity, checkedAt: Date.now() });
    await refused(404, "POST", "/api/stacks/acme/web/dev/encrypt", { token: mole.tokenValue, json: { plaintext: "" } });
  });

  it("counts no use for the token that it names", async () => {
    const identity = await identityOf(world.admin);
    await flush(openStore(env));
    const uses = () =>
      env.DB.prepare("SELECT sum(requests) AS n FROM token_usage WHERE token_id = ?").bind(identity.actor.token.id).first("n");
    const before = await uses();
    await cacheIdentity(mole.tokenValue, { ...identity, checkedAt: Date.now() });
    await ok("GET", "/api/user", { token: mole.tokenValue });
    await flush(openStore(env));
    expect(await uses()).toBe(before);
  });

  it("of an administrator's session does not open its pages to a member's", async () => {
    const [admin, member] = [await signIn(world.admin), await signIn(world.member)];
    await shown(admin.get("/"));
    await shown(member.get("/"));
    const { results } = await env.DB.prepare(
      "SELECT hash, login FROM access_tokens JOIN users ON users.id = user_id WHERE kind = 'session'",
    ).all<{ hash: string; login: string }>();
    const hash = (login: string) => cacheKey(results.find((row) => row.login === login)!.hash);
    await expect.poll(() => env.TOKEN_CACHE.get(hash("ada"))).not.toBeNull();
    await env.TOKEN_CACHE.put(hash("mel"), (await env.TOKEN_CACHE.get(hash("ada")))!);
    await shown(member.get("/acme/~/tokens"), 403);
  });

  it("is a miss when it cannot be parsed, and the token works", async () => {
    for (const entry of ["", "x", "{}", "null", "[]", "z".repeat(64), `${"0".repeat(64)}{}`, "0".repeat(100_000)]) {
      await plant(world.member, entry);
      expect(await ok("GET", "/api/user", { token: world.member })).toMatchObject({ githubLogin: "mel" });
    }
  });
});

it("the hash of a presented value is stored only in the token's row and in the name of its cache entry", async () => {
  await newStack(mole.tokenValue, "none-of-these");
  const { path, lease } = await startUpdate(mole.tokenValue, { stack: "none-of-these/dev" });
  await ok("POST", `${path}/complete`, { lease, json: { status: "succeeded" } });
  const entry = await entryOf(mole.tokenValue);
  const hash = await hashOf(mole.tokenValue);
  expect(entry).not.toContain(hash);
  const orgId = await env.DB.prepare("SELECT id FROM organizations WHERE name = 'acme'").first<string>("id");
  const stored = await everythingStored([`${orgId}/none-of-these/dev`]);
  expect(stored.split(hash)).toHaveLength(3);
});
