import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { disableUnusedTokens } from "../../src/tokens/unused.ts";
import type { Bindings } from "../../src/env.ts";
import { eventsOf } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { laterBy } from "../support/clock.ts";
import { changesNothing } from "../support/stored.ts";
import { type NewToken, type World, newOrgToken, newStack, newTeamToken, newWorld } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

const path = "/api/orgs/acme/tokens";
const seconds = () => Math.floor(Date.now() / 1000);
const patch = (id: string, json: unknown) => ok<Record<string, unknown>>("PATCH", `${path}/${id}`, { token: world.admin, json });
const admin = () => ({ token: world.admin });

describe("a token", () => {
  it("is read by its id, a deleted one too, and no one else's", async () => {
    const { id } = await newOrgToken(world, "ci", { description: "deploys" });
    expect(await ok("GET", `${path}/${id}`, admin())).toMatchObject({ id, name: "ci", description: "deploys", status: "active" });
    await ok("DELETE", `${path}/${id}`, admin());
    expect(await ok("GET", `${path}/${id}`, admin())).toMatchObject({ id, status: "deleted" });
    const theirs = await ok<NewToken>("POST", "/api/orgs/globex/tokens", { token: world.stranger, json: { name: "x" } });
    const mine = await ok<NewToken>("POST", "/api/user/tokens", admin());
    await newTeamToken();
    const team = await env.DB.prepare("SELECT id FROM access_tokens WHERE kind = 'team'").first<string>("id");
    for (const other of [theirs.id, mine.id, team, crypto.randomUUID()]) await refused(404, "GET", `${path}/${other}`, admin());
  });
});

describe("a change", () => {
  it("removes the permission to rotate itself from a token whose cached identity still has it, and gives it again", async () => {
    const ci = await newOrgToken(world, "ci", { mayRotateItself: true });
    await ok("GET", "/api/user", { token: ci.tokenValue });
    const events = await eventsOf(async () => {
      expect(await patch(ci.id, { mayRotateItself: false })).toMatchObject({ mayRotateItself: false });
    });
    expect(events[0]!.description).toContain("rotation from by itself or an administrator to by an administrator");
    await changesNothing(() => refused(403, "POST", "/api/user/token/rotate", { token: ci.tokenValue, json: {} }));
    expect(await patch(ci.id, { description: "x" })).toMatchObject({ mayRotateItself: false });
    await patch(ci.id, { mayRotateItself: true });
    await ok("POST", "/api/user/token/rotate", { token: ci.tokenValue, json: {} });
  });

  it("of names, expiry and limits is one event with what was and what is", async () => {
    laterBy(0);
    const { id } = await newOrgToken(world, "ci");
    const expires = seconds() + 3600;
    const events = await eventsOf(async () => {
      const changed = await patch(id, {
        displayName: "Jenkins",
        description: "new",
        expires,
        stacks: [{ project: "web" }],
        ipAllowList: ["192.0.2.1"],
      });
      expect(changed).toMatchObject({ displayName: "Jenkins", description: "new", expires, stacks: [{ project: "web" }], name: "ci" });
    });
    expect(events).toMatchObject([{ event: "organization-token-updated", userLogin: "ada" }]);
    expect(events[0]!.description).toContain(`display name from "ci" to "Jenkins"; description from "" to "new"; expiry from never to `);
    expect(events[0]!.description).toContain("networks from any to 192.0.2.1");
  });

  it("without fields changes nothing", async () => {
    const { id } = await newOrgToken(world, "ci", { description: "old" });
    const events = await eventsOf(() =>
      changesNothing(async () => {
        await patch(id, {});
        await patch(id, { description: null, expires: null, stacks: null, displayName: "ci", unknown: 1 });
      }),
    );
    expect(events).toEqual([]);
  });

  it("may shorten a lifetime in any case, and lengthen it only within the organization's policy", async () => {
    laterBy(0);
    const day = 86_400;
    const { id } = await newOrgToken(world, "ci", { expires: seconds() + 20 * day });
    await env.DB.prepare("UPDATE organizations SET max_token_expiry_days = 14, settings_version = 1 WHERE name = 'acme'").run();
    const { tokenValue } = await ok<NewToken>("POST", "/api/user/tokens", { ...admin(), json: { expires: seconds() + day } });
    const to = (expires: number) => call("PATCH", `${path}/${id}`, { token: tokenValue, json: { expires } });
    expect((await to(seconds() + 18 * day)).status).toBe(200);
    expect((await to(seconds() + 19 * day)).status).toBe(400);
    expect((await to(0)).status).toBe(400);
    expect((await to(seconds() + 10 * day)).status).toBe(200);
    expect((await to(seconds() + 13 * day)).status).toBe(200);
    expect((await to(seconds() - 1)).status).toBe(400);
  });

  it("to a lifetime of more than two years is refused", async () => {
    const { id } = await newOrgToken(world, "ci");
    await changesNothing(() => refused(400, "PATCH", `${path}/${id}`, { ...admin(), json: { expires: seconds() + 3 * 366 * 86_400 } }));
  });

  it("does not make a token valid again that has ended", async () => {
    const expired = await newOrgToken(world, "expired", { expires: seconds() + 60 });
    const deleted = await newOrgToken(world, "deleted");
    await ok("DELETE", `${path}/${deleted.id}`, admin());
    laterBy(61_000);
    await changesNothing(async () => {
      await refused(409, "PATCH", `${path}/${expired.id}`, { ...admin(), json: { expires: seconds() + 60 } });
      await refused(404, "PATCH", `${path}/${deleted.id}`, { ...admin(), json: { description: "x" } });
    });
  });

  it("holds for the next write of a token that is in the cache", async () => {
    await newStack(world.member);
    const { id, tokenValue } = await newOrgToken(world, "ci");
    await ok("GET", "/api/user", { token: tokenValue });
    await patch(id, { stacks: [{ project: "web", access: "read" }] });
    await changesNothing(() => refused(403, "POST", "/api/stacks/acme/web/dev/update", { token: tokenValue, json: {} }));
    await patch(id, { stacks: [{ project: "web" }] });
    await ok("POST", "/api/stacks/acme/web/dev/update", { token: tokenValue, json: {} });
    await patch(id, { ipAllowList: ["192.0.2.1"] });
    await changesNothing(() => refused(403, "POST", "/api/stacks/acme/web/dev/update", { token: tokenValue, json: {} }));
  });

  it("is allowed only to administrators who are people", async () => {
    const { id, tokenValue } = await newOrgToken(world, "root", { admin: true });
    await changesNothing(async () => {
      for (const token of [tokenValue, world.member, world.billing]) {
        await refused(403, "PATCH", `${path}/${id}`, { token, json: { description: "mine" } });
        await refused(403, "POST", `${path}/${id}/disable`, { token });
        await refused(403, "POST", `${path}/${id}/enable`, { token });
      }
    });
  });
});

describe("a disabled token", () => {
  it("is refused everywhere with the reason, and works again when it is enabled", async () => {
    const { id, tokenValue } = await newOrgToken(world, "ci");
    await ok("GET", "/api/user", { token: tokenValue });
    const events = await eventsOf(async () => {
      await ok("POST", `${path}/${id}/disable?reason=incident`, admin());
      const response = await call("GET", "/api/user", { token: tokenValue });
      expect(response.status).toBe(401);
      expect(response.headers.get("X-Pulumi-Warning")).toMatch(/^organization token ci of acme was disabled on /);
      expect(await ok("POST", `${path}/${id}/enable`, admin())).toMatchObject({ status: "active" });
      await ok("GET", "/api/user", { token: tokenValue });
    });
    expect(events.map((event) => event.event).sort()).toEqual([
      "auth-failure-token-disabled",
      "organization-token-disabled",
      "organization-token-enabled",
    ]);
    expect(events.find((event) => event.event === "organization-token-disabled")!.description).toBe(
      `Disabled organization token "ci" (${id}). Reason: incident`,
    );
  });

  it("is still listed, as disabled", async () => {
    const { id } = await newOrgToken(world, "ci");
    await ok("POST", `${path}/${id}/disable`, admin());
    const { tokens } = await ok<{ tokens: unknown[] }>("GET", path, admin());
    expect(tokens).toMatchObject([{ id, status: "disabled", disabledReason: "admin" }]);
  });

  it("is disabled and enabled as often as anyone likes", async () => {
    const { id } = await newOrgToken(world, "ci");
    await ok("POST", `${path}/${id}/disable`, admin());
    const events = await eventsOf(() => changesNothing(() => ok("POST", `${path}/${id}/disable`, admin())));
    expect(events).toEqual([]);
    await ok("POST", `${path}/${id}/enable`, admin());
    expect(await eventsOf(() => changesNothing(() => ok("POST", `${path}/${id}/enable`, admin())))).toEqual([]);
  });

  it("is 404 once it is deleted", async () => {
    const { id } = await newOrgToken(world, "ci");
    await ok("DELETE", `${path}/${id}`, admin());
    await refused(404, "POST", `${path}/${id}/disable`, admin());
    await refused(404, "POST", `${path}/${id}/enable`, admin());
  });
});

describe("unused tokens", () => {
  const DAY = 86_400_000;
  const run = () => disableUnusedTokens(env as unknown as Bindings, Date.now(), async () => {});

  it("are listed by the days for which nobody used them", async () => {
    await newOrgToken(world, "old");
    laterBy(31 * DAY);
    const fresh = await newOrgToken(world, "fresh");
    await ok("GET", "/api/user", { token: fresh.tokenValue });
    const list = async (days: number) =>
      (await ok<{ tokens: { name: string }[] }>("GET", `${path}?unusedDays=${days}`, admin())).tokens.map((token) => token.name);
    expect(await list(30)).toEqual(["old"]);
    expect(await list(40)).toEqual([]);
    await refused(400, "GET", `${path}?unusedDays=0`, admin());
  });

  it("are disabled when the organization says so, and a token that is enabled again has the full time again", async () => {
    const unused = await newOrgToken(world, "unused");
    const theirs = await ok<NewToken>("POST", "/api/orgs/globex/tokens", { token: world.stranger, json: { name: "theirs" } });
    laterBy(31 * DAY);
    const used = await newOrgToken(world, "used");
    expect(await run()).toBe(0);
    await env.DB.prepare("UPDATE organizations SET disable_unused_tokens_after_days = 30 WHERE name = 'acme'").run();
    const events = await eventsOf(async () => expect(await run()).toBe(1));
    expect(events).toMatchObject([{ event: "organization-token-disabled", userLogin: "acme", tokenId: "", tokenName: "" }]);
    expect(events[0]!.description).toBe(`Disabled organization token "unused" (${unused.id}): it was not used for 30 days.`);
    await refused(401, "GET", "/api/user", { token: unused.tokenValue });
    for (const { tokenValue } of [theirs, used]) await ok("GET", "/api/user", { token: tokenValue });

    await ok("POST", `${path}/${unused.id}/enable`, admin());
    expect(await run()).toBe(0);
    await ok("GET", "/api/user", { token: unused.tokenValue });
  });
});
