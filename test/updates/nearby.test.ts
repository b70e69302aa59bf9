import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { readRoundTrips } from "../../src/metrics/roundTrips.ts";
import { ADMITTED_FOR, forgetAdmitted } from "../../src/stacks/nearby.ts";
import { cacheIdentity, cachedIdentity } from "../support/cache.ts";
import { call, ok, refused } from "../support/client.ts";
import { laterBy } from "../support/clock.ts";
import { closeStacks } from "../teams/people.ts";
import { type NewToken, type World, newOrgToken, newStack, newWorld, startUpdate } from "../support/world.ts";
import { coordinator } from "./support/ends.ts";

/** Tests what a stack's object answers in place of the database (docs/decisions/0028), and what it must not answer. */
const STACK = "/api/stacks/acme/web/dev";

let world: World;
let ci: NewToken;
beforeEach(async () => {
  world = await newWorld();
  ci = await newOrgToken(world, "ci");
  await newStack(world.member);
  // An isolate relies on its reads of a stack for some seconds. The stopped clock keeps the reads valid for the whole test.
  laterBy(0);
});

/** @returns the answer, and the number of round trips to the database, without the look-up of the identity */
async function ask(method: string, path: string, token = ci.tokenValue, json?: unknown) {
  const response = await call(method, path, { token, json });
  const timing = response.headers.get("Server-Timing") ?? "";
  const d1 = readRoundTrips(timing).d1 - Number(timing.includes('identity;desc="database"'));
  return { d1, status: response.status, body: (await response.json()) as Record<string, unknown> };
}
const encrypt = (token = ci.tokenValue) => ask("POST", `${STACK}/encrypt`, token, { plaintext: "aGk=" });
const decrypts = (ciphertext: unknown) =>
  expect(ok("POST", `${STACK}/decrypt`, { token: world.member, json: { ciphertext } })).resolves.toEqual({ plaintext: "aGk=" });
const endToken = () => ok("DELETE", `/api/orgs/acme/tokens/${ci.id}`, { token: world.admin });
const complete = ({ path, lease }: { path: string; lease: string }) =>
  ok("POST", `${path}/complete`, { lease, json: { status: "succeeded" } });

describe("encryption after a read of the stack", () => {
  it("waits for no database, and uses the stack's key", async () => {
    expect((await encrypt()).d1).toBe(1);
    await ask("GET", STACK);
    const { d1, body } = await encrypt();
    expect(d1).toBe(0);
    await decrypts(body.ciphertext);
  });

  it("uses the key of the stack that has the name now: after a deletion and a new stack", async () => {
    await ask("GET", STACK);
    await ok("DELETE", STACK, { token: world.admin });
    await newStack(world.member);
    const { d1, body } = await encrypt();
    expect(d1).toBe(1);
    await decrypts(body.ciphertext);
  });

  it("uses the key of the stack that has the name now: after a rename and a new stack", async () => {
    await ask("GET", STACK);
    await ok("POST", `${STACK}/rename`, { token: world.admin, json: { newName: "old" } });
    await newStack(world.member);
    await decrypts((await encrypt()).body.ciphertext);
  });

  it("uses it after a restart of the object, which remembers the deletion", async () => {
    await ask("GET", STACK);
    await ok("DELETE", STACK, { token: world.admin });
    await newStack(world.member);
    await evictDurableObject(await coordinator());
    const { d1, body } = await encrypt();
    expect(d1).toBe(1);
    await decrypts(body.ciphertext);
  });

  it("is refused at once after a deletion of the token here, and after some seconds to an isolate that has its identity", async () => {
    await ask("GET", STACK);
    const identity = await cachedIdentity(ci.tokenValue);
    await endToken();
    expect((await encrypt()).status).toBe(401);
    // Another location has the identity for up to 60 seconds.
    await cacheIdentity(ci.tokenValue, identity);
    laterBy(ADMITTED_FOR);
    await refused(401, "POST", `${STACK}/encrypt`, { token: ci.tokenValue, json: { plaintext: "aGk=" } });
  });

  it("is refused after the token was limited to other stacks", async () => {
    await ask("GET", STACK);
    const path = `/api/orgs/acme/tokens/${ci.id}`;
    await ok("PATCH", path, { token: world.admin, json: { stacks: [{ project: "other" }] } });
    await ask("GET", STACK);
    expect((await encrypt()).status).toBe(404);
  });

  describe("by a token that has created a stack, and so has a grant on it,", () => {
    const own = "/api/stacks/acme/web/own";
    const encryptOwn = () => ask("POST", `${own}/encrypt`, ci.tokenValue, { plaintext: "aGk=" });
    beforeEach(async () => void (await newStack(ci.tokenValue, "web", "own")));

    it("waits for no database if its role gives the right", async () => {
      // The identity that is read now knows of the grant.
      laterBy(61_000);
      await ask("GET", own);
      expect((await encryptOwn()).d1).toBe(0);
    });

    it("asks the database if only the grant gives the right, and is refused when the grant has ended", async () => {
      await closeStacks(world.admin);
      laterBy(61_000);
      expect((await ask("GET", own)).status).toBe(200);
      expect(await encryptOwn()).toMatchObject({ status: 200, d1: 1 });
      await env.DB.prepare("DELETE FROM stack_grants").run();
      expect((await encryptOwn()).status).toBe(403);
    });
  });

  it("is not given to another token with the cached identity of this one", async () => {
    const mole = await newOrgToken(world, "mole", { stacks: [{ project: "none" }] });
    await ask("GET", STACK);
    await cacheIdentity(mole.tokenValue, { ...(await cachedIdentity(ci.tokenValue)), checkedAt: Date.now() });
    expect((await encrypt(mole.tokenValue)).status).toBe(404);
  });
});

describe("the stack of a running update", () => {
  it("is read from its object by the caller that started it, and by nobody else", async () => {
    await startUpdate(ci.tokenValue);
    const own = await ask("GET", STACK);
    expect(own.d1).toBe(0);
    const other = await ask("GET", STACK, world.member);
    expect(other.d1).toBe(1);
    expect(own.body).toEqual(other.body);
    // Another isolate does not know the caller.
    forgetAdmitted();
    expect(await ask("GET", STACK)).toEqual({ ...other, d1: 1 });
  });

  it("is the same for a preview, also beside an update of somebody else", async () => {
    await startUpdate(ci.tokenValue, { dryRun: true });
    const alone = await ask("GET", STACK);
    expect(alone.d1).toBe(0);
    expect(alone.body).toEqual((await ask("GET", STACK, world.member)).body);
    await startUpdate(world.member);
    await startUpdate(ci.tokenValue, { dryRun: true });
    const beside = await ask("GET", STACK);
    expect(beside.d1).toBe(0);
    forgetAdmitted();
    expect(beside.body).toEqual((await ask("GET", STACK, world.member)).body);
  });

  it("has the tags that somebody else sets meanwhile", async () => {
    await startUpdate(ci.tokenValue);
    await ok("POST", `${STACK}/tags`, { token: world.member, json: { name: "team", value: "a" } });
    expect((await ask("GET", STACK)).body).toMatchObject({ tags: { team: "a" } });
    await ok("PATCH", `${STACK}/tags/team`, { token: world.member, json: { name: "team", value: "b" } });
    expect((await ask("GET", STACK)).body).toMatchObject({ tags: { team: "b" } });
    await ok("PATCH", `${STACK}/tags`, { token: world.member, json: { all: "new" } });
    expect((await ask("GET", STACK)).body).toMatchObject({ tags: { all: "new" } });
    await ok("DELETE", `${STACK}/tags/all`, { token: world.member });
    expect((await ask("GET", STACK)).body).toMatchObject({ tags: {} });
  });

  it("is read from the database again after its end", async () => {
    const update = await startUpdate(ci.tokenValue);
    expect((await ask("GET", STACK)).d1).toBe(0);
    await complete(update);
    expect(await ask("GET", STACK)).toMatchObject({ d1: 1, body: { version: 1, activeUpdate: update.id } });
  });

  it("is not read by another token with the cached identity of the starter", async () => {
    const mole = await newOrgToken(world, "mole", { stacks: [{ project: "none" }] });
    await startUpdate(ci.tokenValue);
    await cacheIdentity(mole.tokenValue, { ...(await cachedIdentity(ci.tokenValue)), checkedAt: Date.now() });
    expect((await ask("GET", STACK, mole.tokenValue)).status).toBe(404);
  });

  it("is not read after the deletion of the token has aborted the update, although another location has its identity", async () => {
    await ok("PATCH", "/api/orgs/acme", { token: world.admin, json: { setInFlightRevocation: "abort" } });
    await startUpdate(ci.tokenValue);
    const identity = await cachedIdentity(ci.tokenValue);
    await endToken();
    await cacheIdentity(ci.tokenValue, identity);
    expect((await ask("GET", STACK)).status).toBe(401);
  });
});

describe("between two calls of an update", () => {
  const gone = async () => {
    const identity = await cachedIdentity(ci.tokenValue);
    await endToken();
    await cacheIdentity(ci.tokenValue, identity);
  };

  it.each([
    ["create", async () => ["POST", `${STACK}/update`, {}] as const],
    [
      "start",
      async () => {
        const { updateID } = await ok<{ updateID: string }>("POST", `${STACK}/update`, { token: ci.tokenValue, json: {} });
        return ["POST", `${STACK}/update/${updateID}`, {}] as const;
      },
    ],
    ["export", async () => (await startUpdate(ci.tokenValue), ["GET", `${STACK}/export`, undefined] as const)],
    [
      "decrypt",
      async () => {
        const { ciphertext } = (await encrypt()).body;
        return ["POST", `${STACK}/decrypt`, { ciphertext }] as const;
      },
    ],
  ])("a deletion of the token refuses %s, although the cache has its identity", async (_, prepare) => {
    await ask("GET", STACK);
    const [method, path, json] = await prepare();
    await gone();
    await refused(401, method, path, { token: ci.tokenValue, json });
  });
});
