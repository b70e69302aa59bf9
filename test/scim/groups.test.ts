import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { settledLog } from "../support/audit.ts";
import { ok, refused } from "../support/client.ts";
import { type World, newStack, newTeam, newWorld } from "../support/world.ts";
import { closeStacks, grant } from "../teams/people.ts";
import { type Scim, good, newScimToken, patchOf, scimClient, userOf } from "./support/client.ts";

let world: World;
let scim: Scim;
let mel: string;
beforeEach(async () => {
  world = await newWorld();
  scim = scimClient(await newScimToken(world));
  mel = (await good(scim, "POST", "/Users", userOf("mel"))).id;
});

interface Team {
  name: string;
  kind: string;
  displayName: string;
  members: { githubLogin: string }[];
}
const teamOf = (name: string) => ok<Team>("GET", `/api/orgs/acme/teams/${name}`, { token: world.admin });
const membersOf = async (name: string) => (await teamOf(name)).members.map(({ githubLogin }) => githubLogin);

describe("a group", () => {
  it("is a team with a name of its own, which a rename does not change", async () => {
    await newTeam(world, "Cloud-Ops");
    const group = await good(scim, "POST", "/Groups", { displayName: "Cloud Ops!", members: [{ value: mel }] });
    expect(await teamOf("cloud-ops-2")).toMatchObject({ kind: "scim", displayName: "Cloud Ops!", members: [{ githubLogin: "mel" }] });
    await scim("PATCH", `/Groups/${group.id}`, { json: patchOf({ op: "replace", path: "displayName", value: "日本" }) });
    expect(await teamOf("Cloud-Ops-2")).toMatchObject({ displayName: "日本" });
    const other = await good(scim, "POST", "/Groups", { displayName: "中文" });
    expect(other.displayName).toBe("中文");
    expect((await teamOf("group")).displayName).toBe("中文");
  });

  it("gives its members the rights of its team, and takes them back", async () => {
    await newStack(world.admin);
    await closeStacks(world.admin);
    await good(scim, "POST", "/Groups", { displayName: "platform" });
    await grant(world.admin, 102);
    await refused(403, "GET", "/api/stacks/acme/web/dev", { token: world.member });
    const { id } = (await good(scim, "GET", "/Groups")).Resources[0]!;
    await scim("PATCH", `/Groups/${id}`, { json: patchOf({ op: "add", path: "members", value: [{ value: mel }] }) });
    await ok("GET", "/api/stacks/acme/web/dev", { token: world.member });
    await scim("PATCH", `/Groups/${id}`, { json: patchOf({ op: "remove", path: `members[value eq "${mel}"]` }) });
    await refused(403, "GET", "/api/stacks/acme/web/dev", { token: world.member });
  });

  it("keeps inactive members, who are in the team while they are active only", async () => {
    const zoe = await good(scim, "POST", "/Users", userOf("zoe", { active: false }));
    const group = await good(scim, "POST", "/Groups", { displayName: "mixed", members: [{ value: mel }, { value: zoe.id }] });
    expect(await membersOf("mixed")).toEqual(["mel"]);
    await good(scim, "PATCH", `/Users/${zoe.id}`, patchOf({ op: "replace", path: "active", value: true }));
    expect((await membersOf("mixed")).sort()).toEqual(["mel", "zoe"]);
    await good(scim, "PATCH", `/Users/${mel}`, patchOf({ op: "replace", path: "active", value: false }));
    expect(await membersOf("mixed")).toEqual(["zoe"]);
    expect((await good(scim, "GET", `/Groups/${group.id}`)).members).toHaveLength(2);
    await good(scim, "PATCH", `/Users/${mel}`, patchOf({ op: "replace", path: "active", value: true }));
    expect((await membersOf("mixed")).sort()).toEqual(["mel", "zoe"]);
    await scim("DELETE", `/Users/${zoe.id}`);
    expect((await good(scim, "GET", `/Groups/${group.id}`)).members).toEqual([expect.objectContaining({ value: mel })]);
  });

  it("that is deleted leaves its team with its tokens, and a new one of that name gets the team", async () => {
    const group = await good(scim, "POST", "/Groups", { displayName: "Night Shift", members: [{ value: mel }] });
    const { tokenValue } = await ok<{ tokenValue: string }>("POST", "/api/orgs/acme/teams/Night-Shift/tokens", {
      token: world.admin,
      json: { name: "night", description: "" },
    });
    expect((await scim("DELETE", `/Groups/${group.id}`)).status).toBe(204);
    expect((await scim("DELETE", `/Groups/${group.id}`)).status).toBe(404);
    expect(await membersOf("night-shift")).toEqual([]);
    await ok("GET", "/api/user", { token: tokenValue });
    const again = await good(scim, "POST", "/Groups", { displayName: "night shift", members: [{ value: mel }] });
    expect(again.id).not.toBe(group.id);
    expect(await membersOf("night-shift")).toEqual(["mel"]);
  });

  it("that is deleted deletes its team if the organization has chosen that", async () => {
    await ok("PATCH", "/api/orgs/acme/scim", { token: world.admin, json: { deletesTeams: true } });
    const group = await good(scim, "POST", "/Groups", { displayName: "gone", members: [{ value: mel }] });
    expect((await scim("DELETE", `/Groups/${group.id}`)).status).toBe(204);
    await refused(404, "GET", "/api/orgs/acme/teams/gone", { token: world.admin });
    expect((await settledLog()).some(({ event, tokenName }) => event === "team-deleted" && tokenName === "okta")).toBe(true);
    await good(scim, "POST", "/Groups", { displayName: "gone" });
  });

  it("whose team an administrator deletes is gone for the identity provider too", async () => {
    const group = await good(scim, "POST", "/Groups", { displayName: "short" });
    await ok("DELETE", "/api/orgs/acme/teams/short", { token: world.admin });
    expect((await scim("GET", `/Groups/${group.id}`)).status).toBe(404);
    await good(scim, "POST", "/Groups", { displayName: "short" });
  });

  it("has members that only the identity provider changes; SCIM reaches no other team", async () => {
    await newTeam(world, "ours");
    await good(scim, "POST", "/Groups", { displayName: "theirs", members: [{ value: mel }] });
    const change = { member: "mel", memberAction: "remove" };
    expect(await refused(400, "PATCH", "/api/orgs/acme/teams/theirs", { token: world.admin, json: change })).toContain("identity provider");
    const ids = (await env.DB.prepare("SELECT id FROM teams").all<{ id: string }>()).results;
    for (const { id } of ids) expect((await scim("DELETE", `/Groups/${id}`)).status).toBe(404);
    expect(await membersOf("ours")).toEqual(["ada"]);
  });

  it("is not read with its members if they were not asked for", async () => {
    const group = await good(scim, "POST", "/Groups", { displayName: "large", members: [{ value: mel }] });
    expect((await good(scim, "GET", `/Groups/${group.id}?excludedAttributes=members`)).members).toBeUndefined();
    const only = await good(scim, "GET", `/Groups/${group.id}?attributes=displayName`);
    expect(Object.keys(only).sort()).toEqual(["displayName", "id", "schemas"]);
  });
});

describe("a person whom the identity provider has deactivated", () => {
  it("cannot be added again by others", async () => {
    await good(scim, "PATCH", `/Users/${mel}`, patchOf({ op: "replace", path: "active", value: false }));
    expect(await refused(409, "POST", "/api/orgs/acme/members/mel", { token: world.admin, json: { role: "member" } })).toContain(
      "identity provider",
    );
    const { id } = await ok<{ id: string }>("POST", "/api/orgs/acme/invites/link", { token: world.admin, json: { role: "member" } });
    expect(await refused(409, "PATCH", `/api/orgs/acme/invites/${id}`, { token: world.member })).toContain("identity provider");
    const before = env.DIRECT_MEMBERS;
    Object.assign(env, { DIRECT_MEMBERS: "invite" });
    onTestFinished(() => void Object.assign(env, { DIRECT_MEMBERS: before }));
    expect(await refused(409, "POST", "/api/orgs/acme/members/mel", { token: world.admin, json: { role: "member" } })).toContain(
      "identity provider",
    );
  });

  it("was a member whom an administrator removed: the identity provider cannot take an account of others in again", async () => {
    await ok("DELETE", "/api/orgs/acme/members/mel", { token: world.admin });
    expect((await good(scim, "GET", `/Users/${mel}`)).active).toBe(false);
    await good(scim, "PATCH", `/Users/${mel}`, patchOf({ op: "replace", path: "active", value: true }));
    const { members } = await ok<{ members: { user: { githubLogin: string } }[] }>("GET", "/api/orgs/acme/members", { token: world.admin });
    expect(members.map(({ user }) => user.githubLogin).sort()).toEqual(["ada", "bill", "mel-2"]);
    await refused(404, "GET", "/api/orgs/acme/members", { token: world.member });
  });
});

it("8,000 members come, go and are read in one call each", async () => {
  const org = await env.DB.prepare("SELECT id FROM organizations WHERE name = 'acme'").first<string>("id");
  await env.DB.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8000)
     INSERT INTO scim_users (id, org_id, user_name, user_name_key, active, profile, created_at, modified_at)
     SELECT printf('00000000-0000-0000-0000-%012d', i), ?, 'u' || i, 'u' || i, 0, '{"displayName":null,"name":{},"emails":[]}', i, i FROM n`,
  )
    .bind(org)
    .run();
  const all = Array.from({ length: 8000 }, (_, i) => ({ value: `00000000-0000-0000-0000-${String(i + 1).padStart(12, "0")}` }));
  const group = await good(scim, "POST", "/Groups", { displayName: "everybody" });
  expect((await scim("PATCH", `/Groups/${group.id}`, { json: patchOf({ op: "add", path: "members", value: all }) })).status).toBe(204);
  expect((await good(scim, "GET", `/Groups/${group.id}`)).members).toHaveLength(8000);
  expect(
    (await scim("PATCH", `/Groups/${group.id}`, { json: patchOf({ op: "add", path: "members", value: [{ value: mel }] }) })).status,
  ).toBe(400);
  expect((await good(scim, "GET", "/Groups?count=100")).Resources[0]!.members).toHaveLength(8000);
  expect(
    (await scim("PATCH", `/Groups/${group.id}`, { json: patchOf({ op: "remove", path: "members", value: all.slice(1) }) })).status,
  ).toBe(204);
  expect((await good(scim, "GET", `/Groups/${group.id}`)).members).toHaveLength(1);
});
