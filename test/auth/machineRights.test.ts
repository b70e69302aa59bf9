import { beforeEach, describe, expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { laterBy } from "../support/clock.ts";
import { changesNothing } from "../support/stored.ts";
import { type NewToken, type World, newOrgToken, newStack, newWorld } from "../support/world.ts";

/** Tests what somebody can do who has the value of an organization's admin token. */
let world: World;
let root: NewToken;
beforeEach(async () => {
  world = await newWorld();
  root = await newOrgToken(world, "root", { admin: true });
});

const asRoot = (json?: unknown) => ({ token: root.tokenValue, ...(json !== undefined && { json }) });
const link = (token: string, role: string) => ok<{ id: string }>("POST", "/api/orgs/acme/invites/link", { token, json: { role } });
const join = (id: string) => call("PATCH", `/api/orgs/acme/invites/${id}`, { token: world.stranger });
const end = () => ok("DELETE", `/api/orgs/acme/tokens/${root.id}`, { token: world.admin });

describe("an admin token makes no administrator, because an administrator could make tokens:", () => {
  it.each<[string, string, string, unknown]>([
    ["adds none", "POST", "/api/orgs/acme/members/gus", { role: "admin" }],
    ["raises none", "PATCH", "/api/orgs/acme/members/mel", { role: "admin" }],
    ["raises none by a role's id", "PATCH", "/api/orgs/acme/members/mel", { role: "member", fgaRoleId: "admin" }],
    ["invites none by link", "POST", "/api/orgs/acme/invites/link", { role: "admin" }],
    ["invites none by a role's id", "POST", "/api/orgs/acme/invites/link", { role: "member", roleId: "admin" }],
    ["invites none by address", "POST", "/api/orgs/acme/invites/batch", { invites: [{ email: "a@example.com", role: "admin" }] }],
  ])("%s", async (_, method, path, json) => {
    const events = await eventsOf(() => changesNothing(() => refused(403, method, path, asRoot(json))));
    expect(events).toMatchObject([{ event: "auth-failure-organization-role", tokenId: root.id, authFailure: true }]);
  });

  it("nor does it see the link of somebody else's invitation for one", async () => {
    const { id } = await link(world.admin, "admin");
    const { id: harmless } = await link(world.admin, "member");
    const { invites } = await ok<{ invites: { id: string }[] }>("GET", "/api/orgs/acme/invites", asRoot());
    expect(invites.map((invite) => invite.id)).toEqual([harmless]);
    const seen = await ok<{ invites: { id: string }[] }>("GET", "/api/orgs/acme/invites", { token: world.admin });
    expect(seen.invites.map((invite) => invite.id).sort()).toEqual([id, harmless].sort());
  });
});

describe("an admin token shuts no administrator out, because an administrator could end it:", () => {
  it.each([
    { setAllowedCidrs: ["203.0.113.9/32"] },
    { setAllowedCountries: ["DE"] },
    { setMaxAccessTokenExpiryDays: 1 },
    { setDisableUnusedTokensAfterDays: 1 },
    { setInFlightRevocation: "abort" },
    { setMaxDrainHours: 8760 },
  ])("%j", async (json) => {
    await changesNothing(() => refused(403, "PATCH", "/api/orgs/acme", { ...asRoot(json), country: "DE" }));
    await ok("PATCH", "/api/orgs/acme", { token: world.admin, json: { ...json, force: true }, country: "DE" });
  });

  it("nor does it remove or demote one of several, or use another person's name for it", async () => {
    await ok("PATCH", "/api/orgs/acme/members/mel", { token: world.admin, json: { role: "admin" } });
    await changesNothing(async () => {
      await refused(403, "PATCH", "/api/orgs/acme/members/mel", asRoot({ role: "member" }));
      await refused(403, "DELETE", "/api/orgs/acme/members/mel", asRoot());
      await refused(403, "DELETE", "/api/orgs/acme/members/MEL", asRoot());
    });
    await ok("DELETE", "/api/orgs/acme/members/bill", asRoot());
  });

  it("but it may change settings that do not affect access", async () => {
    expect(await ok("PATCH", "/api/orgs/acme", asRoot({ setDefaultStackPermission: 101 }))).toMatchObject({ defaultStackPermission: 101 });
  });
});

describe("an invitation that a token made", () => {
  it("ends with the token, whatever role it gives", async () => {
    const { id } = await link(root.tokenValue, "member");
    await end();
    await changesNothing(async () => expect((await join(id)).status).toBe(409));
    await refused(404, "GET", `/api/orgs/acme/invites/${id}`, { token: world.stranger });
    expect(await ok("GET", "/api/orgs/acme/invites", { token: world.admin })).toEqual({ invites: [] });
  });

  it("ends with a report that the token was found in public", async () => {
    const { id } = await link(root.tokenValue, "member");
    await ok("POST", "/api/token-leaks", { json: { token: root.tokenValue } });
    expect((await join(id)).status).toBe(409);
  });

  it("is valid as long as the token", async () => {
    const { id } = await link(root.tokenValue, "member");
    expect((await join(id)).status).toBe(204);
  });

  it("ends when the token expires", async () => {
    const expires = Math.floor(Date.now() / 1000) + 3600;
    const { tokenValue } = await newOrgToken(world, "short", { admin: true, expires });
    const { id } = await link(tokenValue, "member");
    laterBy(3_700_000);
    expect((await join(id)).status).toBe(409);
    expect(await ok("GET", "/api/orgs/acme/invites", { token: world.admin })).toEqual({ invites: [] });
  });

  it("of a token that rotated itself can be accepted while its successor is valid, and no longer", async () => {
    const { tokenValue } = await newOrgToken(world, "first", { admin: true, mayRotateItself: true });
    const [{ id: kept }, { id: lost }] = [await link(tokenValue, "member"), await link(tokenValue, "member")];
    const successor = await ok<NewToken>("POST", "/api/user/token/rotate", { token: tokenValue, json: {} });
    expect((await join(kept)).status).toBe(204);
    await ok("DELETE", "/api/orgs/acme/members/gus", { token: world.admin });
    await ok("DELETE", `/api/orgs/acme/tokens/${successor.id}`, { token: world.admin });
    expect((await join(lost)).status).toBe(409);
    expect(await ok("GET", "/api/orgs/acme/invites", { token: world.admin })).toEqual({ invites: [] });
  });
});

it("an invitation ends by itself after 30 days, which start again when it is sent again", async () => {
  laterBy(0);
  const { id } = await link(world.admin, "member");
  laterBy(30 * 86_400_000);
  expect((await join(id)).status).toBe(409);
  await refused(404, "GET", `/api/orgs/acme/invites/${id}`, { token: world.stranger });
  await ok("POST", `/api/orgs/acme/invites/${id}/resend`, { token: world.admin });
  expect((await join(id)).status).toBe(204);
});

it("a token that may rotate itself does not choose its successor's name", async () => {
  const ci = await newOrgToken(world, "ci", { mayRotateItself: true });
  await changesNothing(() => refused(403, "POST", "/api/user/token/rotate", { token: ci.tokenValue, json: { name: "prod-deploy" } }));
});

it("a token whose role gives no right on stacks lists none", async () => {
  await newStack(world.admin);
  const { tokenValue } = await newOrgToken(world, "billing", { roleID: "billing-manager" });
  expect(await ok("GET", "/api/user/stacks", { token: tokenValue })).toEqual({ stacks: [] });
  for (const roleID of ["member", "read-only", "admin"]) {
    const other = await newOrgToken(world, roleID, { roleID });
    expect((await ok<{ stacks: unknown[] }>("GET", "/api/user/stacks", { token: other.tokenValue })).stacks).toHaveLength(1);
  }
});
