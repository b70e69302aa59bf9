import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { eventsOf, settledLog } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { laterBy } from "../support/clock.ts";
import { changesNothing, everythingStored } from "../support/stored.ts";
import { type NewToken, type World, newOrgToken, newStack, newWorld, startUpdate } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

const path = "/api/orgs/acme/tokens";
const seconds = () => Math.floor(Date.now() / 1000);

interface Rotated extends NewToken {
  name: string;
  expires: number;
  rotatedFrom: string;
  overlapEnds: number;
}
const rotate = (id: string, json: Record<string, unknown> = {}) =>
  ok<Rotated>("POST", `${path}/${id}/rotate`, { token: world.admin, json });
const rotateItself = (token: string, json: Record<string, unknown> = {}) => ok<Rotated>("POST", "/api/user/token/rotate", { token, json });
const read = (id: string) => ok<Record<string, unknown>>("GET", `${path}/${id}`, { token: world.admin });
const setPolicy = (days: number | null) =>
  env.DB.prepare("UPDATE organizations SET max_token_expiry_days = ?, settings_version = settings_version + 1 WHERE name = 'acme'")
    .bind(days)
    .run();
const works = async (token: string) => (await call("GET", "/api/user", { token })).status === 200;

describe("a rotation", () => {
  it("gives a successor that works beside the old one, which ends by itself when the overlap is over", async () => {
    const old = await newOrgToken(world, "ci");
    laterBy(0);
    const next = await rotate(old.id, { overlap: 3600 });
    expect(next).toMatchObject({ name: "ci-2", rotatedFrom: old.id, overlapEnds: seconds() + 3600, expires: 0 });
    expect(next.tokenValue).toMatch(/^pul-[0-9a-f]{40}$/);
    expect([await works(old.tokenValue), await works(next.tokenValue)]).toEqual([true, true]);
    laterBy(3_599_000);
    expect([await works(old.tokenValue), await works(next.tokenValue)]).toEqual([true, true]);
    laterBy(1_000);
    expect([await works(old.tokenValue), await works(next.tokenValue)]).toEqual([false, true]);
    expect(await everythingStored([])).not.toContain(next.tokenValue.slice(4));
  });

  it("without an overlap ends the old one at once", async () => {
    const old = await newOrgToken(world, "ci");
    await works(old.tokenValue);
    const next = await rotate(old.id);
    expect([await works(old.tokenValue), await works(next.tokenValue)]).toEqual([false, true]);
  });

  it("copies every right and limit as they are at that moment", async () => {
    const old = await newOrgToken(world, "ci", {
      description: "deploys",
      displayName: "Continuous",
      roleID: "read-only",
      stacks: [{ project: "web", stack: "dev", access: "read" }],
      ipAllowList: ["203.0.113.0/24"],
      countryAllowList: ["CH"],
      mayRotateItself: true,
    });
    await ok("PATCH", `${path}/${old.id}`, { token: world.admin, json: { countryAllowList: ["CH", "DE"] } });
    const next = await rotate(old.id, { overlap: 60 });
    const rights = ({
      description,
      displayName,
      role,
      stacks,
      ipAllowList,
      countryAllowList,
      mayRotateItself,
      admin,
    }: Record<string, unknown>) => ({
      description,
      displayName,
      role,
      stacks,
      ipAllowList,
      countryAllowList,
      mayRotateItself,
      admin,
    });
    const [before, after] = [await read(old.id), await read(next.id)];
    expect(rights(after)).toEqual(rights(before));
    expect(before).toMatchObject({ status: "active", successor: next.id, family: old.id, generation: 1, overlapEnds: next.overlapEnds });
    expect(after).toMatchObject({ status: "active", rotatedFrom: old.id, family: old.id, generation: 2, lastUsed: 0 });
  });

  it("keeps the lifetime that the old one was created with", async () => {
    laterBy(0);
    const old = await newOrgToken(world, "ci", { expires: seconds() + 30 * 86_400 });
    laterBy(25 * 86_400_000);
    expect((await rotate(old.id)).expires).toBe(seconds() + 30 * 86_400);
  });

  it("is one event that names both, by the person who did it", async () => {
    const old = await newOrgToken(world, "ci");
    let next: Rotated | undefined;
    const events = await eventsOf(async () => void (next = await rotate(old.id, { overlap: 60 })));
    expect(events).toMatchObject([{ event: "organization-token-rotated", userLogin: "ada" }]);
    expect(events[0]!.description).toContain(
      `Rotated organization token "ci" (${old.id}) to "ci-2" (${next!.id}). The old token is valid until 20`,
    );
  });

  it("gives the successor the next free name of its line", async () => {
    const first = await newOrgToken(world, "x".repeat(40));
    const second = await rotate(first.id);
    const third = await rotate(second.id);
    expect([second.name, third.name]).toEqual([`${"x".repeat(38)}-2`, `${"x".repeat(38)}-3`]);
    const ci = await newOrgToken(world, "ci");
    await newOrgToken(world, "CI-2");
    expect((await rotate(ci.id)).name).toMatch(/^ci-2-[0-9a-f]{4}$/);
    const named = await newOrgToken(world, "named");
    await changesNothing(async () =>
      expect(await refused(409, "POST", `${path}/${named.id}/rotate`, { token: world.admin, json: { name: "ci" } })).toContain(
        "already exists",
      ),
    );
    expect((await rotate(named.id, { name: "renamed" })).name).toBe("renamed");
  });

  it("is done once: a token has one successor, also after ten requests at the same moment", async () => {
    const { id } = await newOrgToken(world, "ci");
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => call("POST", `${path}/${id}/rotate`, { token: world.admin, json: { overlap: 60 } })),
    );
    expect(answers.filter((answer) => answer.status === 200)).toHaveLength(1);
    expect(answers.filter((answer) => answer.status === 409)).toHaveLength(9);
    const { tokens } = await ok<{ tokens: unknown[] }>("GET", path, { token: world.admin });
    expect(tokens).toHaveLength(2);
  });

  it("is refused for a token that has ended, and for one of another organization", async () => {
    const deleted = await newOrgToken(world, "deleted");
    await ok("DELETE", `${path}/${deleted.id}`, { token: world.admin });
    const expired = await newOrgToken(world, "expired", { expires: seconds() + 60 });
    const theirs = await ok<NewToken>("POST", "/api/orgs/globex/tokens", { token: world.stranger, json: { name: "x" } });
    laterBy(61_000);
    await changesNothing(async () => {
      for (const { id } of [deleted, theirs]) await refused(404, "POST", `${path}/${id}/rotate`, { token: world.admin, json: {} });
      await refused(409, "POST", `${path}/${expired.id}/rotate`, { token: world.admin, json: {} });
      for (const json of [{ overlap: -1 }, { overlap: 31 * 86_400 }, { overlap: "1" }, { name: "a b" }, { expires: 1 }])
        await refused(400, "POST", `${path}/${expired.id}/rotate`, { token: world.admin, json });
    });
  });

  it("gives a disabled token a valid successor, and stays disabled itself", async () => {
    const old = await newOrgToken(world, "ci");
    await ok("POST", `${path}/${old.id}/disable`, { token: world.admin });
    const next = await rotate(old.id, { overlap: 3600 });
    expect([await works(old.tokenValue), await works(next.tokenValue)]).toEqual([false, true]);
  });

  it("is not allowed to machines, not even to an admin token", async () => {
    const { id } = await newOrgToken(world, "ci");
    const root = await newOrgToken(world, "root", { admin: true });
    await changesNothing(() => refused(403, "POST", `${path}/${id}/rotate`, { token: root.tokenValue, json: {} }));
  });
});

describe("a token that was rotated", () => {
  it("tells its holder so, before and after its end", async () => {
    const old = await newOrgToken(world, "ci");
    await rotate(old.id, { overlap: 60 });
    const before = await call("GET", "/api/user/organizations/default", { token: old.tokenValue });
    expect(before.headers.get("X-Pulumi-Warning")).toMatch(
      /^organization token ci of acme was rotated: it works until .* UTC, use its successor ci-2$/,
    );
    laterBy(60_000);
    const after = await call("GET", "/api/user", { token: old.tokenValue });
    expect(after.status).toBe(401);
    expect(after.headers.get("X-Pulumi-Warning")).toMatch(/^organization token ci of acme was rotated on .* UTC, its successor is ci-2$/);
  });

  it("leaves an event that names its successor when it is used after its end", async () => {
    const old = await newOrgToken(world, "ci");
    await rotate(old.id);
    await refused(401, "GET", "/api/user", { token: old.tokenValue });
    const events = (await settledLog()).filter((event) => event.event === "auth-failure-access-token");
    expect(events).toMatchObject([{ tokenId: old.id, tokenName: "ci", userLogin: "acme" }]);
    expect(events[0]!.description).toContain('its successor is "ci-2"');
  });

  it("finishes the update that it had begun", async () => {
    const old = await newOrgToken(world, "ci");
    await newStack(old.tokenValue);
    const update = await startUpdate(old.tokenValue);
    await rotate(old.id);
    await ok("POST", "/api/stacks/acme/web/dev/encrypt", { token: old.tokenValue, json: { plaintext: "aGk=" } });
    await ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
    await refused(401, "POST", "/api/stacks/acme/web/dev/update", { token: old.tokenValue, json: {} });
  });
});

describe("a token rotates itself", () => {
  it("only if it was created for it; a person and another machine never do", async () => {
    const plain = await newOrgToken(world, "plain");
    const root = await newOrgToken(world, "root", { admin: true });
    await changesNothing(async () => {
      for (const token of [plain.tokenValue, root.tokenValue, world.admin])
        await refused(403, "POST", "/api/user/token/rotate", { token, json: {} });
    });
  });

  it("and so does its successor, but no more than two of a line are valid at once", async () => {
    const first = await newOrgToken(world, "ci", { mayRotateItself: true });
    const second = await rotateItself(first.tokenValue, { overlap: 600 });
    expect(await read(second.id)).toMatchObject({ createdBy: "acme", mayRotateItself: true });
    await changesNothing(async () => {
      expect(await refused(409, "POST", "/api/user/token/rotate", { token: first.tokenValue, json: {} })).toContain(
        "already has a successor",
      );
      expect(await refused(409, "POST", "/api/user/token/rotate", { token: second.tokenValue, json: {} })).toContain(
        "predecessor is still valid",
      );
    });
    laterBy(600_000);
    const third = await rotateItself(second.tokenValue);
    expect(third.name).toBe("ci-3");
    expect(await works(third.tokenValue)).toBe(true);
  });

  it("but not to a longer lifetime than it was created with", async () => {
    laterBy(0);
    const first = await newOrgToken(world, "ci", { mayRotateItself: true, expires: seconds() + 3600 });
    for (const expires of [1, seconds() + 3 * 366 * 86_400, 8_640_000_000_001])
      await refused(400, "POST", "/api/user/token/rotate", { token: first.tokenValue, json: { expires } });
    const second = await rotateItself(first.tokenValue, { expires: seconds() + 7200 });
    expect(second.expires).toBe(seconds() + 3600);
    expect((await rotateItself(second.tokenValue, { expires: seconds() + 60 })).expires).toBe(seconds() + 60);
  });

  it("within the organization's policy on expiry", async () => {
    laterBy(0);
    const first = await newOrgToken(world, "ci", { mayRotateItself: true, expires: seconds() + 30 * 86_400 });
    await setPolicy(14);
    laterBy(20 * 86_400_000);
    const second = await rotateItself(first.tokenValue);
    expect(second.expires).toBe(seconds() + 14 * 86_400);
    await ok("GET", "/api/orgs/acme", { token: second.tokenValue });
  });

  it.each([
    ["never ends", undefined, {}],
    ["never ends, into a successor that would", undefined, { expires: 3 }],
    ["lives longer", 20, { overlap: 60 }],
  ])(
    "not when the policy on expiry refuses it: it %s",
    async (_, days, { expires, ...request }: { expires?: number; overlap?: number }) => {
      const more = { mayRotateItself: true, ...(days !== undefined && { expires: seconds() + days * 86_400 }) };
      const first = await newOrgToken(world, "ci", more);
      // The policy is set after the identity was cached.
      await ok("GET", "/api/user", { token: first.tokenValue });
      await setPolicy(7);
      const json = { ...request, ...(expires !== undefined && { expires: seconds() + expires * 86_400 }) };
      const events = await eventsOf(() =>
        changesNothing(async () => {
          for (let tries = 0; tries < 2; tries++)
            expect(await refused(403, "POST", "/api/user/token/rotate", { token: first.tokenValue, json })).toBe(
              "The `acme` organization enforces a max access token expiry of `7` days that your current token does not meet. Please generate a new token with a TTL meeting your org's threshold to perform this request.",
            );
        }),
      );
      expect(events.map(({ event, tokenId }) => [event, tokenId])).toEqual([1, 2].map(() => ["auth-failure-token-policy", first.id]));
      await ok("GET", "/api/user", { token: first.tokenValue });
    },
  );

  it("and the log says which machine it was", async () => {
    const first = await newOrgToken(world, "ci", { mayRotateItself: true });
    const events = await eventsOf(() => rotateItself(first.tokenValue));
    expect(events).toMatchObject([{ event: "organization-token-rotated", userLogin: "acme", tokenId: first.id, tokenName: "ci" }]);
  });
});
