import { beforeEach, describe, expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { ok, refused } from "../support/client.ts";
import { changesNothing } from "../support/stored.ts";
import { type World, newOrgToken, newStack, newTeam, newWorld, startUpdate } from "../support/world.ts";
import { addTo, closeStacks, giveRole, grant, newPerson, newRole, team } from "./people.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
  for (const stack of ["dev", "prod"]) await newStack(world.admin, "web", stack);
  await newTeam(world);
  await addTo(world.admin, "mel");
  await closeStacks(world.admin);
});

const STACK = "/api/stacks/acme/web/dev";
const listed = async (token = world.member) =>
  (await ok<{ stacks: { stackName: string }[] }>("GET", "/api/user/stacks", { token })).stacks.map((stack) => stack.stackName).sort();
const setTag = { json: { name: "team", value: "a" } };

describe("a grant", () => {
  it("opens a stack to the team from the next call on, as far as it goes, and no other stack", async () => {
    const token = world.member;
    // A person without a right on any stack learns nothing about this one.
    await refused(403, "GET", STACK, { token });
    await refused(403, "GET", "/api/stacks/acme/web/none", { token });
    expect(await listed()).toEqual([]);
    const events = await eventsOf(() => grant(world.admin, 101));
    expect(events).toMatchObject([
      { event: "team-updated", description: 'Gave team "platform" read on stack "acme/web/dev".', stack: "web/dev", userLogin: "ada" },
    ]);
    await ok("GET", STACK, { token });
    expect(await listed()).toEqual(["dev"]);
    await refused(404, "GET", "/api/stacks/acme/web/prod", { token });
    await refused(403, "POST", `${STACK}/tags`, { token, ...setTag });

    await grant(world.admin, 102);
    await ok("POST", `${STACK}/tags`, { token, ...setTag });
    await refused(403, "DELETE", STACK, { token });
    await startUpdate(token);

    await grant(world.admin, 101, "prod");
    await ok("PATCH", team(), { token: world.admin, json: { removeStack: { projectName: "web", stackName: "dev" } } });
    await refused(404, "GET", STACK, { token });
    expect(await listed()).toEqual(["prod"]);
    await grant(world.admin, 0, "prod");
    await refused(403, "GET", STACK, { token });
    expect(await listed()).toEqual([]);
  });

  it("of 103 lets the team delete the stack and give it away, and 0 takes everything", async () => {
    const token = world.member;
    await grant(world.admin, 103);
    await newTeam(world, "other");
    await ok("PATCH", `/api/console${STACK.replace("/api", "")}/teams/other`, { token, json: { permissions: 101 } });
    await grant(world.admin, 0);
    await refused(403, "GET", STACK, { token });
    await grant(world.admin, 103);
    await ok("DELETE", `${STACK}?force=true`, { token });
  });

  it("ends with the membership and with the team", async () => {
    await grant(world.admin, 101);
    await addTo(world.admin, "mel", "platform", "remove");
    await refused(403, "GET", STACK, { token: world.member });
    await addTo(world.admin, "mel");
    await ok("GET", STACK, { token: world.member });
    await ok("DELETE", team(), { token: world.admin });
    await refused(403, "GET", STACK, { token: world.member });
    await refused(404, "GET", team(), { token: world.admin });
  });

  it("is in the lists of the team and of the stack", async () => {
    await grant(world.admin, 102);
    expect(await ok("GET", team(), { token: world.member })).toMatchObject({
      stacks: [{ projectName: "web", stackName: "dev", permission: 102 }],
    });
    expect(await ok("GET", `${STACK}/teams`, { token: world.member })).toEqual({
      projectName: "web",
      teams: [{ name: "platform", displayName: "platform", description: "", isMember: true, permission: 102 }],
    });
    // A person who may not know the stack does not learn of it from the team.
    expect(await ok("GET", team(), { token: await newPerson("tim") })).toMatchObject({ stacks: [] });
  });

  it("stays with a renamed stack, and ends with a deleted one", async () => {
    await grant(world.admin, 101);
    await ok("POST", `${STACK}/rename`, { token: world.admin, json: { newName: "renamed" } });
    await ok("GET", "/api/stacks/acme/web/renamed", { token: world.member });
    await ok("DELETE", "/api/stacks/acme/web/renamed?force=true", { token: world.admin });
    const deleted = await ok<{ deletedStacks: { id: string }[] }>("GET", "/api/orgs/acme/restore-stack", { token: world.admin });
    await ok("POST", `/api/orgs/acme/restore-stack/${deleted.deletedStacks[0]!.id}`, {
      token: world.admin,
      json: { stackName: "renamed" },
    });
    await refused(403, "GET", "/api/stacks/acme/web/renamed", { token: world.member });
  });

  it.each([104, 1, -1, "101", null])("of %j is refused", async (permission) => {
    const json = { addStackPermission: { projectName: "web", stackName: "dev", permission } };
    await changesNothing(() => refused(400, "PATCH", team(), { token: world.admin, json }));
  });

  it("is 404 on a stack that is not there, or of another organization's", async () => {
    const json = { addStackPermission: { projectName: "web", stackName: "none", permission: 101 } };
    await changesNothing(() => refused(404, "PATCH", team(), { token: world.admin, json }));
    await ok("POST", "/api/stacks/globex/web", { token: world.stranger, json: { stackName: "none" } });
    await changesNothing(() => refused(404, "PATCH", team(), { token: world.admin, json }));
  });
});

describe("an administrator of the team", () => {
  const give = (permission: number) => ({
    token: world.member,
    json: { addStackPermission: { projectName: "web", stackName: "dev", permission } },
  });
  beforeEach(async () => {
    await addTo(world.admin, "mel", "platform", "promote");
  });

  it("gives it what the administrator has on the stack, and no more", async () => {
    await changesNothing(() => refused(404, "PATCH", team(), give(101)));
    await newTeam(world, "other");
    await addTo(world.admin, "mel", "other");
    await grant(world.admin, 102, "dev", "other");
    const events = await eventsOf(() => changesNothing(() => refused(403, "PATCH", team(), give(103))));
    expect(events).toMatchObject([{ event: "auth-failure-stack-permission", userLogin: "mel" }]);
    await ok("PATCH", team(), give(102));
    await ok("PATCH", team(), give(0));
  });

  it("gives nothing to another team without the right to share the stack", async () => {
    await grant(world.admin, 102);
    await newTeam(world, "other");
    await changesNothing(() => refused(403, "PATCH", team("other"), give(101)));
    await grant(world.admin, 103);
    await ok("PATCH", team("other"), give(101));
  });
});

describe("a machine", () => {
  it("gives what it has, and not more", async () => {
    const { tokenValue: token, id } = await newOrgToken(world, "ci", { stacks: [{ project: "web", stack: "dev", access: "read" }] });
    await giveTokenRole(id, await newRole("sharer", ["team:update", "stack:read", "stack:list"]));
    const give = (permission: number, stackName: string) => ({
      token,
      json: { addStackPermission: { projectName: "web", stackName, permission } },
    });
    await changesNothing(async () => {
      await refused(403, "PATCH", team(), give(101, "dev"));
      await refused(404, "PATCH", team(), give(101, "prod"));
    });
    const root = await newOrgToken(world, "root", { admin: true });
    await ok("PATCH", team(), { ...give(103, "prod"), token: root.tokenValue });
  });
});

async function giveTokenRole(id: string, roleId: string) {
  const { env } = await import("cloudflare:workers");
  await env.DB.prepare("UPDATE access_tokens SET role_id = ? WHERE id = ?").bind(roleId, id).run();
}

describe("the creator of a stack", () => {
  it("has an administrator's rights on it, also where members see no stacks", async () => {
    const token = await newPerson("tim");
    await giveRole("tim", await newRole("makers", ["stack:create"]));
    expect(await listed(token)).toEqual([]);
    await newStack(token, "web", "tims");
    expect(await listed(token)).toEqual(["tims"]);
    await ok("POST", "/api/stacks/acme/web/tims/tags", { token, ...setTag });
    expect(await ok("GET", "/api/stacks/acme/web/tims/collaborators", { token })).toEqual({
      stackCreatorUserName: "tim",
      users: [{ user: { githubLogin: "tim", name: "tim", avatarUrl: "" }, permission: 104 }],
    });
    await refused(403, "GET", "/api/stacks/acme/web/tims", { token: world.member });
    const events = await eventsOf(() => ok("DELETE", "/api/stacks/acme/web/tims/collaborators/tim", { token: world.admin }));
    expect(events).toMatchObject([{ event: "stack-collaborator-removed", stack: "web/tims", userLogin: "ada" }]);
    await refused(403, "GET", "/api/stacks/acme/web/tims", { token });
    await refused(404, "DELETE", "/api/stacks/acme/web/tims/collaborators/gus", { token: world.admin });
  });

  it("is the line of one organization token, and no other token of the organization", async () => {
    const maker = await newOrgToken(world, "maker", { mayRotateItself: true });
    const other = await newOrgToken(world, "other");
    const role = await newRole("makers", ["stack:create"]);
    for (const { id } of [maker, other]) await giveTokenRole(id, role);
    await newStack(maker.tokenValue, "web", "made");
    const made = "/api/stacks/acme/web/made";
    await ok("POST", `${made}/tags`, { token: maker.tokenValue, ...setTag });
    await refused(403, "GET", made, { token: other.tokenValue });
    const next = await ok<{ tokenValue: string }>("POST", "/api/user/token/rotate", { token: maker.tokenValue, json: {} });
    await ok("GET", made, { token: next.tokenValue });
    expect(await listed(next.tokenValue)).toEqual(["made"]);
    await ok("DELETE", made, { token: next.tokenValue });
  });

  it("gives teams the right to write with the creation, and nothing is made where one is unknown", async () => {
    const json = { stackName: "shared", teams: ["Platform"] };
    const events = await eventsOf(() => ok("POST", "/api/stacks/acme/web", { token: world.admin, json }));
    expect(events).toMatchObject([
      { event: "stack-created", description: 'Created stack "acme/web/shared", with the right to write for team platform.' },
    ]);
    expect(await listed()).toEqual(["shared"]);
    await ok("POST", "/api/stacks/acme/web/shared/tags", { token: world.member, ...setTag });
    await changesNothing(() =>
      refused(404, "POST", "/api/stacks/acme/web", { token: world.admin, json: { stackName: "next", teams: ["platform", "none"] } }),
    );
  });
});

it("a transfer leaves the grants behind, and the mover has the stack", async () => {
  const { env } = await import("cloudflare:workers");
  await grant(world.admin, 103);
  await env.DB.prepare(
    "INSERT INTO members (org_id, user_id, role, created_at, accepted_at) SELECT organizations.id, users.id, 'admin', 9e12, 0 FROM organizations, users WHERE organizations.name = 'globex' AND login = 'ada'",
  ).run();
  await ok("POST", `${STACK}/transfer`, { token: world.admin, json: { toOrg: "globex" } });
  const { results } = await env.DB.prepare(
    "SELECT grantee_kind, permission FROM stack_grants WHERE stack_id = (SELECT stacks.id FROM stacks WHERE name = 'dev')",
  ).all();
  expect(results).toEqual([{ grantee_kind: "user", permission: 104 }]);
});
