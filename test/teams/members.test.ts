import { beforeEach, describe, expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { ok, refused } from "../support/client.ts";
import { changesNothing } from "../support/stored.ts";
import { type World, newOrgToken, newTeam, newWorld } from "../support/world.ts";
import { addTo, giveRole, newPerson, newRole, team } from "./people.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

interface TeamAnswer {
  userRole: string;
  members: { githubLogin: string; role: string }[];
}
const read = (token = world.admin, name = "platform") => ok<TeamAnswer>("GET", team(name), { token });
const membersOf = async () => (await read()).members.map(({ githubLogin, role }) => `${githubLogin} ${role}`);

describe("a new team", () => {
  it("has the person who made it as its administrator, and is one event", async () => {
    const events = await eventsOf(() => newTeam(world));
    expect(events).toMatchObject([{ event: "team-created", description: 'Created team "platform".', userLogin: "ada", reqOrgAdmin: true }]);
    expect(await read()).toMatchObject({ kind: "pulumi", name: "platform", userRole: "admin", stacks: [], roleIds: [] });
    expect(await membersOf()).toEqual(["ada admin"]);
    expect(await ok("GET", "/api/orgs/acme/teams", { token: world.billing })).toMatchObject({
      teams: [{ name: "platform", userRole: "none" }],
    });
  });

  it("has nobody when a machine made it", async () => {
    const { tokenValue: token } = await newOrgToken(world, "root", { admin: true });
    await ok("POST", "/api/orgs/acme/teams/pulumi", { token, json: { name: "platform" } });
    expect(await membersOf()).toEqual([]);
  });

  it("has a name that no other team has, in any case, but for one of another organization", async () => {
    await newTeam(world);
    expect(await refused(409, "POST", "/api/orgs/acme/teams/pulumi", { token: world.admin, json: { name: "PLATFORM" } })).toBe(
      "Team with this name already exists",
    );
    await ok("POST", "/api/orgs/globex/teams/pulumi", { token: world.stranger, json: { name: "platform" } });
  });

  it.each([
    ["no name", {}],
    ["a bad name", { name: "a b" }],
    ["a long display name", { name: "a", displayName: "x".repeat(101) }],
  ])("is refused with %s", async (_, json) => {
    await changesNothing(() => refused(400, "POST", "/api/orgs/acme/teams/pulumi", { token: world.admin, json }));
  });

  it("is an administrator's to make", async () => {
    await changesNothing(() => refused(403, "POST", "/api/orgs/acme/teams/pulumi", { token: world.member, json: { name: "a" } }));
  });

  it("cannot be one of GitHub", async () => {
    const message = await refused(400, "POST", "/api/orgs/acme/teams/github", { token: world.admin, json: { githubTeamID: 1 } });
    expect(message).toContain("teams of GitHub cannot be connected here");
  });
});

describe("members", () => {
  beforeEach(async () => {
    await newTeam(world);
  });

  it("are added, promoted, demoted and removed, each as one event", async () => {
    for (const [action, sentence, after] of [
      ["add", 'Added mel to team "platform".', ["ada admin", "mel member"]],
      ["promote", 'Made mel an administrator of team "platform".', ["ada admin", "mel admin"]],
      ["demote", 'Made mel a plain member of team "platform".', ["ada admin", "mel member"]],
      ["remove", 'Removed mel from team "platform".', ["ada admin"]],
    ] as const) {
      const events = await eventsOf(() => addTo(world.admin, "mel", "platform", action));
      expect(events).toMatchObject([{ event: "team-updated", description: sentence, userLogin: "ada" }]);
      expect(await membersOf()).toEqual(after);
    }
  });

  it("know what they are in it", async () => {
    await addTo(world.admin, "mel");
    expect((await read(world.member)).userRole).toBe("member");
    expect(await ok("GET", "/api/orgs/acme/members/mel/teams", { token: world.member })).toEqual({ teams: ["platform"] });
    await refused(404, "GET", "/api/orgs/acme/members/gus/teams", { token: world.member });
  });

  it("are members of the organization, and in the team once", async () => {
    const json = { member: "gus", memberAction: "add" };
    await changesNothing(() => refused(404, "PATCH", team(), { token: world.admin, json }));
    await addTo(world.admin, "mel");
    await changesNothing(() => refused(409, "PATCH", team(), { token: world.admin, json: { member: "MEL", memberAction: "add" } }));
    await changesNothing(() => refused(404, "PATCH", team(), { token: world.admin, json: { member: "bill", memberAction: "remove" } }));
  });

  it("leave with the organization, and are not back when they are back", async () => {
    await addTo(world.admin, "mel");
    await ok("DELETE", "/api/orgs/acme/members/mel", { token: world.admin });
    expect(await membersOf()).toEqual(["ada admin"]);
    await ok("POST", "/api/orgs/acme/members/mel", { token: world.admin, json: { role: "member" } });
    expect(await membersOf()).toEqual(["ada admin"]);
  });

  it("of a team that an identity provider fills are not changed here", async () => {
    const { env } = await import("cloudflare:workers");
    await env.DB.prepare("UPDATE teams SET kind = 'scim'").run();
    for (const json of [{ member: "mel", memberAction: "add" }, { newDescription: "x" }])
      await changesNothing(() => refused(400, "PATCH", team(), { token: world.admin, json }));
  });
});

describe("an administrator of the team", () => {
  beforeEach(async () => {
    await newTeam(world);
    await addTo(world.admin, "mel");
    await addTo(world.admin, "mel", "platform", "promote");
  });

  it("changes its members", async () => {
    await addTo(world.member, "bill");
    expect(await membersOf()).toEqual(["ada admin", "mel admin", "bill member"]);
  });

  it("changes neither its name nor its roles, and does not delete it", async () => {
    const role = await newRole("reader", ["stack:read"]);
    const token = world.member;
    await changesNothing(async () => {
      await refused(403, "PATCH", team(), { token, json: { newDescription: "x" } });
      await refused(403, "POST", `${team()}/roles/${role}`, { token });
      await refused(403, "POST", `${team()}/enable-team-roles`, { token });
      await refused(403, "DELETE", team(), { token });
    });
  });

  it("has no say in other teams, and none any more after a demotion", async () => {
    await newTeam(world, "other");
    const json = { member: "bill", memberAction: "add" };
    await changesNothing(() => refused(403, "PATCH", team("other"), { token: world.member, json }));
    await addTo(world.admin, "mel", "platform", "demote");
    const events = await eventsOf(() => changesNothing(() => refused(403, "PATCH", team(), { token: world.member, json })));
    expect(events).toMatchObject([{ event: "auth-failure-organization-role", userLogin: "mel", authFailure: true }]);
  });
});

describe("nobody climbs by a team:", () => {
  it("who may change teams joins none that has more rights, and adds nobody to it", async () => {
    const token = await newPerson("tim");
    await giveRole("tim", await newRole("teams", ["team:read", "team:update"]));
    await newTeam(world);
    await addTo(token, "tim");
    await addTo(token, "tim", "platform", "remove");
    await ok("POST", `${team()}/roles/${await newRole("members", ["org_member:add"])}`, { token: world.admin });
    await changesNothing(() => refused(403, "PATCH", team(), { token, json: { member: "tim", memberAction: "add" } }));
  });

  it("and gives no role that is more than the own one", async () => {
    const token = await newPerson("tim");
    await giveRole("tim", await newRole("teams", ["team:read", "team:update", "role:update", "stack:read"]));
    await newTeam(world);
    const more = await newRole("more", ["stack:read", "stack:write"]);
    const events = await eventsOf(() => changesNothing(() => refused(403, "POST", `${team()}/roles/${more}`, { token })));
    expect(events).toMatchObject([{ event: "auth-failure-organization-role", userLogin: "tim" }]);
    await ok("POST", `${team()}/roles/${await newRole("same", ["stack:read"])}`, { token });
  });
});

it("the teams of an organization do not exist for another one", async () => {
  await newTeam(world);
  const token = world.stranger;
  await changesNothing(async () => {
    await refused(404, "GET", "/api/orgs/globex/teams/platform", { token });
    await refused(404, "PATCH", "/api/orgs/globex/teams/platform", { token, json: { member: "gus", memberAction: "add" } });
    await refused(404, "DELETE", "/api/orgs/globex/teams/platform", { token });
    await refused(404, "GET", "/api/orgs/globex/teams/platform/tokens", { token });
    await refused(404, "POST", "/api/orgs/globex/teams/platform/tokens", { token, json: { name: "ci" } });
    await refused(404, "GET", team(), { token });
  });
});

it("more than one change is refused, and none changes nothing", async () => {
  await newTeam(world);
  await changesNothing(() => ok("PATCH", team(), { token: world.admin, json: {} }));
  for (const json of [{ member: "mel" }, { memberAction: "add" }, { newDescription: "x", member: "mel", memberAction: "add" }])
    await changesNothing(() => refused(400, "PATCH", team(), { token: world.admin, json }));
});

it("name and description are changed by an administrator, as one event", async () => {
  await newTeam(world);
  const json = { newDisplayName: "The platform", newDescription: "Runs it" };
  const events = await eventsOf(() => ok("PATCH", team(), { token: world.admin, json }));
  expect(events).toMatchObject([
    {
      event: "team-updated",
      description: 'Changed team "platform": display name from "platform" to "The platform"; description from "" to "Runs it".',
    },
  ]);
  expect(await read()).toMatchObject({ displayName: "The platform", description: "Runs it" });
});

describe("roles of a team", () => {
  it("open to its members what they say, from the next call on, and close it again", async () => {
    await newTeam(world);
    await addTo(world.admin, "mel");
    const role = await newRole("auditor", ["audit_logs:read"]);
    await refused(403, "GET", "/api/orgs/acme/auditlogs/v2", { token: world.member });
    await ok("POST", `${team()}/roles/${role}`, { token: world.admin });
    await ok("GET", "/api/orgs/acme/auditlogs/v2", { token: world.member });
    expect(await ok("GET", `${team()}/roles`, { token: world.member })).toMatchObject({ roles: [{ id: role, name: "auditor" }] });
    await ok("DELETE", `${team()}/roles/${role}`, { token: world.admin });
    await refused(403, "GET", "/api/orgs/acme/auditlogs/v2", { token: world.member });
    await refused(404, "DELETE", `${team()}/roles/${role}`, { token: world.admin });
    await refused(404, "POST", `${team()}/roles/unknown`, { token: world.admin });
  });

  it("are many, and the CLI's assignment replaces them", async () => {
    await newTeam(world);
    const [a, b, c] = [await newRole("a", []), await newRole("b", []), await newRole("c", [])];
    const ids = async () => (await ok<{ roleIds: string[] }>("GET", team(), { token: world.admin })).roleIds;
    for (const role of [a, b]) await ok("POST", `${team()}/roles/${role}`, { token: world.admin });
    expect(await ids()).toEqual([a, b]);
    const headers = { "User-Agent": "pulumi-cli/1 (v3.259.0; linux)" };
    const events = await eventsOf(() => ok("POST", `${team()}/roles/${c}`, { token: world.admin, headers }));
    expect(events).toMatchObject([
      { event: "team-updated", description: `Gave team "platform" the role "c" (${c}), in place of "a", "b".` },
    ]);
    expect(await ids()).toEqual([c]);
  });

  it("of its own grants nothing, and is there once", async () => {
    await newTeam(world);
    const role = await ok("POST", `${team()}/enable-team-roles`, { token: world.admin });
    expect(role).toMatchObject({ name: "Team platform", uxPurpose: "role_private" });
    expect(await ok("GET", `${team()}/roles`, { token: world.admin })).toMatchObject({
      roles: [{ id: role["id"], details: { __type: "PermissionDescriptorAllow", permissions: [] } }],
    });
    await changesNothing(() => refused(400, "POST", `${team()}/enable-team-roles`, { token: world.admin }));
  });
});
