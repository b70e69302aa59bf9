import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { shown, signIn } from "../support/browser.ts";
import { call, ok, refused } from "../support/client.ts";
import { changesNothing } from "../support/stored.ts";
import { type NewToken, type World, newOrgToken, newWorld } from "../support/world.ts";

let world: World;
let ci: NewToken;
beforeEach(async () => {
  world = await newWorld();
  await ok("PATCH", "/api/orgs/acme/members/mel", { token: world.admin, json: { role: "admin" } });
  ci = await ok<NewToken>("POST", "/api/orgs/acme/tokens", { token: world.member, json: { name: "ci", mayRotateItself: true } });
});

const path = "/api/orgs/acme/members/mel";
const works = async (token: string) => (await call("GET", "/api/user", { token })).status === 200;
const personalOf = (token: string) => ok<NewToken>("POST", "/api/user/tokens", { token });
const revoke = (token: string, id: string) => ok<{ total: number }>("DELETE", `/api/user/tokens/${id}?withDescendants=true`, { token });

describe("removing a person with tokens=revoke", () => {
  it("ends everything that descends from the person's credentials here, with one event, and lists it in the answer", async () => {
    const second = await personalOf(world.member);
    const other = await ok<NewToken>("POST", "/api/orgs/acme/tokens", { token: second.tokenValue, json: { name: "other" } });
    const session = await signIn(world.member);
    await session.post("/acme/~/tokens/new", { name: "from-console", expiry: "never" });
    const next = await ok<NewToken>("POST", "/api/user/token/rotate", { token: ci.tokenValue, json: {} });
    const root = await newOrgToken(world, "root", { admin: true });
    const rotated = await ok<NewToken>("POST", `/api/orgs/acme/tokens/${root.id}/rotate`, { token: world.member, json: {} });
    const kept = await newOrgToken(world, "kept");

    let report: unknown;
    const events = await eventsOf(async () => (report = await ok("DELETE", `${path}?tokens=revoke`, { token: world.admin })));
    for (const { tokenValue } of [other, next, rotated]) expect(await works(tokenValue)).toBe(false);
    for (const { tokenValue } of [kept, second]) expect(await works(tokenValue)).toBe(true);
    const { tokens } = await ok<{ tokens: { name: string }[] }>("GET", "/api/orgs/acme/tokens", { token: world.admin });
    expect(tokens.map(({ name }) => name)).toEqual(["kept"]);
    expect(report).toMatchObject({ total: 4, kept: [] });
    expect(events).toMatchObject([{ event: "member-removed", userLogin: "ada" }]);
    expect(events[0]!.description).toMatch(/^Removed mel, and ended what mel made: organization token ".*\.$/);
    for (const name of ["other", "from-console", "ci-2", "root-2"]) expect(events[0]!.description).toContain(`"${name}"`);
  });

  it("ends tokens from before it was recorded which credential made them", async () => {
    await env.DB.prepare("UPDATE access_tokens SET made_with = NULL").run();
    await ok("DELETE", `${path}?tokens=revoke`, { token: world.admin });
    expect(await works(ci.tokenValue)).toBe(false);
  });

  it("ends nothing when the person is not removed: unknown, oneself, the last administrator, or for a machine", async () => {
    const { tokenValue: root } = await newOrgToken(world, "root", { admin: true });
    await ok("PATCH", path, { token: world.admin, json: { role: "member" } });
    const mine = await newOrgToken(world, "mine");
    await changesNothing(async () => {
      await refused(404, "DELETE", "/api/orgs/acme/members/gus?tokens=revoke", { token: world.admin });
      await refused(400, "DELETE", "/api/orgs/acme/members/ada?tokens=revoke", { token: world.admin });
      await refused(403, "DELETE", `${path}?tokens=revoke`, { token: root });
      await refused(400, "DELETE", `${path}?tokens=all`, { token: world.admin });
      await refused(404, "DELETE", `${path}?tokens=revoke`, { token: world.stranger });
    });
    expect(await works(mine.tokenValue)).toBe(true);
  });

  it("ends nothing of the person in another organization", async () => {
    await ok("POST", "/api/orgs/globex/members/mel", { token: world.stranger, json: { role: "admin" } });
    const theirs = await ok<NewToken>("POST", "/api/orgs/globex/tokens", { token: world.member, json: { name: "ci" } });
    await ok("DELETE", `${path}?tokens=revoke`, { token: world.admin });
    expect([await works(theirs.tokenValue), await works(world.member), await works(ci.tokenValue)]).toEqual([true, true, false]);
  });
});

describe("the organization tokens of a person who is removed stay valid", () => {
  it.each(["", "?tokens=keep"])("by default and when that is said: %j", async (query) => {
    await ok("DELETE", `${path}${query}`, { token: world.admin });
    expect(await works(ci.tokenValue)).toBe(true);
  });

  it("until the credential that created them is revoked with everything it created, unless an administrator has rotated them", async () => {
    const second = await personalOf(world.member);
    const [other, rotated] = await Promise.all(
      ["other", "rotated"].map((name) => ok<NewToken>("POST", "/api/orgs/acme/tokens", { token: second.tokenValue, json: { name } })),
    );
    await ok("DELETE", path, { token: world.admin });
    const next = await ok<NewToken>("POST", `/api/orgs/acme/tokens/${rotated!.id}/rotate`, { token: world.admin, json: {} });
    expect(await revoke(world.member, second.id)).toMatchObject({ total: 1 });
    expect([await works(other!.tokenValue), await works(next.tokenValue)]).toEqual([false, true]);
  });
});

describe("the page that removes somebody", () => {
  it("names the tokens and asks what becomes of them", async () => {
    const admin = await signIn(world.admin);
    const page = await shown(admin.get("/acme/~/members/mel/remove"));
    expect(page).toMatch(/1 token of acme that mel created.*>ci<.*type="radio" name="tokens" value="keep" checked/s);
    expect(await shown(admin.post("/acme/~/members/mel/remove", { tokens: "revoke" }))).toMatch(
      /Removed mel.*organization token <strong>ci<\/strong>/s,
    );
    expect(await works(ci.tokenValue)).toBe(false);
  });

  it("keeps them when that is chosen, and asks nothing where there is nothing", async () => {
    const admin = await signIn(world.admin);
    expect(await shown(admin.get("/acme/~/members/bill/remove"))).not.toContain("radio");
    expect((await admin.post("/acme/~/members/mel/remove", { tokens: "keep" })).status).toBe(303);
    expect(await works(ci.tokenValue)).toBe(true);
  });
});
