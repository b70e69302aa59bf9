import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { type Visitor, shown, signIn } from "../support/browser.ts";
import { ok, refused } from "../support/client.ts";
import { type NewToken, type World, newOrgToken, newStack, newTeam, newWorld } from "../support/world.ts";
import { allow, give, newRoleId } from "../roles/roles.ts";
import { addTo, closeStacks, grant, newPerson, team } from "../teams/people.ts";

const LIST = "/acme/~/teams";
const TEAM = `${LIST}/platform`;
const NEW = "/acme/~/new-team";
const MARKUP = `<i>"x'&</i>`;
const ESCAPED = "&lt;i&gt;&quot;x&#39;&amp;&lt;/i&gt;";

let world: World;
let admin: Visitor;
beforeEach(async () => {
  world = await newWorld();
  admin = await signIn(world.admin);
});

interface Team {
  members: { githubLogin: string; role: string }[];
  stacks: { stackName: string; permission: number }[];
  roleIds: string[];
  displayName: string;
  description: string;
}
const teamOf = (name = "platform") => ok<Team>("GET", team(name), { token: world.admin });
const done = async (answer: Promise<Response>, to: string) => {
  const response = await answer;
  expect([response.status, response.headers.get("Location")], await response.clone().text()).toEqual([303, to]);
};
/** A person who is an administrator of a team and a plain member of the organization. */
async function melAdministers(): Promise<Visitor> {
  await newTeam(world);
  await addTo(world.admin, "mel");
  await addTo(world.admin, "mel", "platform", "promote");
  return signIn(world.member);
}

describe("the list", () => {
  it("creates a team, and keeps what was typed when it is wrong", async () => {
    expect(await shown(admin.get(LIST))).toContain("No teams yet");
    await done(admin.post(NEW, { name: "platform", displayName: MARKUP, description: MARKUP }), TEAM);
    for (const path of [LIST, TEAM]) {
      const page = await shown(admin.get(path));
      expect(page).toContain(ESCAPED);
      expect(page).not.toContain("<i>");
    }
    for (const [form, message, status] of [
      [{ name: "Platform" }, "Team with this name already exists", 409],
      [{ name: MARKUP }, "a team name has 1 to 100 characters", 400],
      [{ name: "" }, "a team name has 1 to 100 characters", 400],
      [{ name: "x", displayName: "x".repeat(101) }, "Display name too long", 400],
      [{ name: "x", description: "x".repeat(1001) }, "at most 1000 characters", 400],
    ] as const) {
      const page = await shown(admin.post(NEW, { description: "Typed", ...form }), status);
      expect(page).toContain(message);
      if (!("description" in form)) expect(page).toContain('value="Typed"');
    }
    // Every name that the API accepts has a page.
    for (const name of ["new", "..a", "delete"]) {
      await done(admin.post(NEW, { name }), `${LIST}/${name}`);
      await shown(admin.get(`${LIST}/${name}`));
    }
  });

  it("has pages when there are many", async () => {
    await env.DB.batch(
      Array.from({ length: 60 }, (_, i) =>
        env.DB.prepare(
          "INSERT INTO teams (id, org_id, name, display_name, description, created_at) SELECT ?1, id, ?1, ?1, '', 0 FROM organizations WHERE name = 'acme'",
        ).bind(`t-${String(i).padStart(2, "0")}`),
      ),
    );
    const first = await shown(admin.get(LIST));
    expect(first).toContain("Page 1 of 2");
    expect(first).not.toContain("t-59");
    expect(await shown(admin.get(`${LIST}?part=2`))).toContain("t-59");
    for (const part of ["0", "-1", "x", "1e99"]) await shown(admin.get(`${LIST}?part=${part}`));
  });

  it("shows names to everybody in the organization, and links only to readers of teams", async () => {
    await newTeam(world);
    const page = await shown((await signIn(world.billing)).get(LIST));
    expect(page).toContain("platform");
    expect(page).not.toContain(`href="${TEAM}"`);
    expect(page).not.toContain(NEW);
    await shown((await signIn(world.billing)).get(TEAM), 403);
    await shown((await signIn(world.stranger)).get(LIST), 404);
    await shown((await signIn(world.stranger)).get(TEAM), 404);
    await shown(admin.get(`${LIST}/nobody`), 404);
    await shown(admin.post(`${LIST}/nobody/members`, { login: "mel", action: "add" }), 404);
  });
});

describe("a team", () => {
  beforeEach(async () => {
    await newTeam(world);
  });

  it("gets members, administrators among them, and loses them", async () => {
    const post = (login: string, action: string) => admin.post(`${TEAM}/members`, { login, action });
    await done(post(" mel ", "add"), TEAM);
    expect(await shown(post("mel", "add"), 409)).toContain("User is already a member of the team.");
    const missing = await shown(post(MARKUP, "add"), 400);
    expect(missing).toContain(`User &#39;${ESCAPED}&#39; not found`);
    expect(missing).toContain(`value="${ESCAPED}"`);
    await done(post("mel", "promote"), TEAM);
    expect(await shown(admin.get(TEAM))).toContain("Make plain member: mel");
    expect((await teamOf()).members).toMatchObject([{ githubLogin: "ada" }, { githubLogin: "mel", role: "admin" }]);
    await done(post("mel", "demote"), TEAM);
    await done(post("mel", "remove"), TEAM);
    expect(await shown(post("mel", "remove"), 400)).toContain("not found");
    await shown(post("mel", "elevate"), 400);
    expect(await shown(admin.post(`${TEAM}/members`, { login: "mel" }), 400)).toContain("Please correct");
    expect((await teamOf()).members).toHaveLength(1);
  });

  it("gets rights on stacks, changes and loses them", async () => {
    await newStack(world.admin);
    const post = (form: Record<string, string>) => admin.post(`${TEAM}/stacks`, form);
    await done(post({ stack: "web/dev", permission: "101" }), `${TEAM}/stacks`);
    await done(post({ stack: "web/dev", permission: "103" }), `${TEAM}/stacks`);
    expect((await teamOf()).stacks).toMatchObject([{ stackName: "dev", permission: 103 }]);
    expect(await shown(admin.get(`${TEAM}/stacks`))).toContain("Admin: also rename, delete and manage access");
    for (const [stack, permission, message] of [
      ["", "101", "Enter project/stack."],
      ["web", "101", "Enter project/stack."],
      ["web/dev/x", "101", "Enter project/stack."],
      ["web/none", "101", "Stack &#39;acme/web/none&#39; not found"],
      ["web/<b>", "101", "Please correct the marked fields."],
      ["web/dev", "104", "Invalid stack permission"],
    ] as const) {
      const page = await shown(post({ stack, permission }), 400);
      expect(page).toContain(message);
      expect(page).not.toContain("<b>");
    }
    await done(post({ stack: "web/dev", action: "remove" }), `${TEAM}/stacks`);
    expect((await teamOf()).stacks).toEqual([]);
  });

  it("gets roles and loses them", async () => {
    const id = await newRoleId(world.admin, MARKUP, allow("stack:read"));
    const set = await newRoleId(world.admin, "A set", allow("stack:read"), { uxPurpose: "set" });
    const post = (role: string, action = "give") => admin.post(`${TEAM}/roles`, { role, action });
    expect(await shown(admin.get(`${TEAM}/roles`))).toContain(ESCAPED);
    await done(post(id), `${TEAM}/roles`);
    expect((await teamOf()).roleIds).toEqual([id]);
    expect(await shown(admin.get(`${TEAM}/roles`))).toContain("There is no other custom role.");
    expect(await shown(post(set), 400)).toContain("is a permission set and not a role");
    for (const role of ["admin", "nobody", ""]) await shown(post(role), 400);
    await done(post(id, "remove"), `${TEAM}/roles`);
    expect((await teamOf()).roleIds).toEqual([]);
  });

  it("is described anew, and deleted after its name was typed, with its tokens", async () => {
    await done(admin.post(`${TEAM}/settings`, { displayName: "Platform", description: MARKUP }), TEAM);
    expect(await teamOf()).toMatchObject({ displayName: "Platform", description: MARKUP });
    await shown(admin.post(`${TEAM}/settings`, { displayName: "x".repeat(101), description: "" }), 400);
    const token = await ok<NewToken>("POST", `${team()}/tokens`, { token: world.admin, json: { name: "team-ci" } });
    const page = await shown(admin.get(`${TEAM}/delete`));
    expect(page).toMatch(/1 person loses.*1 access token ends, and what uses it stops\s+working.*<li>team-ci<\/li>/s);
    expect(await shown(admin.post(`${TEAM}/delete`, { confirmation: "Platform" }), 400)).toContain("This is not the team&#39;s name.");
    await ok("GET", "/api/user", { token: token.tokenValue });
    await done(admin.post(`${TEAM}/delete`, { confirmation: "platform" }), LIST);
    await refused(401, "GET", "/api/user", { token: token.tokenValue });
    await shown(admin.get(TEAM), 404);
  });

  it("has tokens: the value is shown once, and the tokens are deleted by name", async () => {
    const list = `${TEAM}/tokens`;
    await shown(admin.post(`${list}/new`, { name: MARKUP, expiry: "never" }), 400);
    const created = await admin.post(`${list}/new`, { name: "team-ci", description: MARKUP, expiry: "30", stacks: "web/*:read" });
    const path = created.headers.get("Location")!;
    expect(path).toMatch(new RegExp(`^${list}/[0-9a-f-]+/value$`));
    const visitor = admin.with(created);
    const value = /pul-[0-9a-f]+/.exec(await shown(visitor.get(path)))![0];
    await ok("GET", "/api/user", { token: value });
    expect(await shown(visitor.get(path))).not.toContain(value);
    expect(await shown(admin.post(`${list}/new`, { name: "team-ci", expiry: "never" }), 409)).toContain("already");
    const page = await shown(admin.get(list));
    expect(page).toContain("team-ci");
    expect(page).not.toContain("<i>");
    const remove = path.replace(/value$/, "delete");
    expect(await shown(admin.post(remove, { confirmation: "ci" }), 400)).toContain("This is not the token&#39;s name.");
    await done(admin.post(remove, { confirmation: "team-ci" }), list);
    await refused(401, "GET", "/api/user", { token: value });
    // A token of the organization is not one of the team.
    const other = await newOrgToken(world, "org-ci");
    await shown(admin.get(`${list}/${other.id}/delete`), 404);
    await shown(admin.post(`${list}/${other.id}/delete`, { confirmation: "org-ci" }), 404);
  });

  it("is read-only in what comes from an identity provider", async () => {
    await env.DB.prepare("UPDATE teams SET kind = 'scim'").run();
    const page = await shown(admin.get(TEAM));
    expect(page).toContain("This team comes from an identity provider.");
    expect(page).not.toContain(`action="${TEAM}/members"`);
    expect(await shown(admin.get(`${TEAM}/settings`))).not.toContain('name="displayName"');
    expect(await shown(admin.post(`${TEAM}/members`, { login: "mel", action: "add" }), 400)).toContain("comes from an identity provider");
    expect(await shown(admin.post(`${TEAM}/settings`, { displayName: "x", description: "" }), 400)).toContain("identity provider");
    // Rights on stacks are nevertheless given on this page.
    expect(await shown(admin.get(`${TEAM}/stacks`))).toContain(`action="${TEAM}/stacks"`);
  });

  it("says when the edition has no team tokens", async () => {
    await env.DB.prepare("UPDATE organizations SET edition = 'team', trial_ends_at = 0").run();
    const page = await shown(admin.get(`${TEAM}/tokens`));
    expect(page).toContain("Team access tokens can be created only in organizations with an Enterprise");
    expect(page).not.toContain(`${TEAM}/tokens/new`);
    expect(await shown(admin.get(`${TEAM}/tokens/new`), 403)).toContain("Team access tokens can be created only");
    await shown(admin.post(`${TEAM}/tokens/new`, { name: "x", expiry: "never" }), 403);
  });
});

describe("an administrator of the team who is none of the organization", () => {
  it("manages members, grants and tokens, and sees no controls for the rest", async () => {
    const mel = await melAdministers();
    await newPerson("gil");
    await newStack(world.member);
    await done(mel.post(`${TEAM}/members`, { login: "gil", action: "add" }), TEAM);
    await done(mel.post(`${TEAM}/stacks`, { stack: "web/dev", permission: "103" }), `${TEAM}/stacks`);
    const created = await mel.post(`${TEAM}/tokens/new`, { name: "team-ci", expiry: "never" });
    const path = created.headers.get("Location")!;
    expect(await shown(mel.with(created).get(path))).toMatch(/pul-[0-9a-f]+/);
    const remove = path.replace(/value$/, "delete");
    expect(await shown(mel.get(remove))).not.toContain("withDescendants");
    await shown(mel.post(remove, { confirmation: "team-ci", withDescendants: "true" }), 403);
    await done(mel.post(remove, { confirmation: "team-ci" }), `${TEAM}/tokens`);

    const id = await newRoleId(world.admin, "Reader", allow("stack:read"));
    const pages = await Promise.all(["", "/stacks", "/roles", "/tokens"].map((part) => shown(mel.get(TEAM + part))));
    for (const page of pages)
      for (const control of [`${TEAM}/settings`, `${TEAM}/delete`, `action="${TEAM}/roles"`]) expect(page).not.toContain(control);
    for (const control of [`action="${TEAM}/members"`, "you are an administrator"]) expect(pages[0]).toContain(control);
    expect(await shown(mel.get(LIST))).not.toContain(NEW);
    const events = await eventsOf(async () => {
      await shown(mel.get(`${TEAM}/settings`), 403);
      await shown(mel.post(`${TEAM}/settings`, { displayName: "Mine", description: "" }), 403);
      await shown(mel.post(`${TEAM}/roles`, { role: id, action: "give" }), 403);
      await shown(mel.post(`${TEAM}/delete`, { confirmation: "platform" }), 403);
      await shown(mel.post(NEW, { name: "mine" }), 403);
    });
    expect(events.every(({ event }) => event.startsWith("auth-failure"))).toBe(true);
    expect(await teamOf()).toMatchObject({ displayName: "platform", roleIds: [] });
  });

  it("gives no rights that it does not have, and knows no stack that it may not see", async () => {
    await newStack(world.admin, "secret", "prod");
    await closeStacks(world.admin);
    const mel = await melAdministers();
    expect(await shown(mel.post(`${TEAM}/stacks`, { stack: "secret/prod", permission: "101" }), 400)).toContain("not found");
    expect(await shown(mel.get(`${TEAM}/stacks`))).not.toContain('<option value="secret/prod"');
    await ok("PATCH", team(), {
      token: world.admin,
      json: { addStackPermission: { projectName: "secret", stackName: "prod", permission: 101 } },
    });
    expect(await shown(mel.get(`${TEAM}/stacks`))).toContain("secret/prod");
    expect(await shown(mel.post(`${TEAM}/stacks`, { stack: "secret/prod", permission: "103" }), 403)).toContain(
      "it would give rights that you do not have yourself",
    );
  });

  it("has nothing of this as a plain member of the team", async () => {
    await newTeam(world);
    await addTo(world.admin, "mel");
    const mel = await signIn(world.member);
    const page = await shown(mel.get(TEAM));
    expect(page).toContain("you are a member");
    expect(page).not.toContain('<form method="post" action="/acme');
    await shown(mel.get(`${TEAM}/tokens`), 403);
    await shown(mel.get(`${TEAM}/tokens/new`), 403);
    await shown(mel.post(`${TEAM}/members`, { login: "mel", action: "promote" }), 403);
    await shown(mel.post(`${TEAM}/stacks`, { stack: "web/dev", permission: "103" }), 400);
    await shown(mel.post(`${TEAM}/tokens/new`, { name: "x", expiry: "never" }), 403);
  });
});

it("opens a stack's page to a reader whose cached rights on stacks are out of date", async () => {
  await newTeam(world);
  await newStack(world.admin);
  await grant(world.admin, 101);
  const ada = await signIn(world.admin);
  for (const permission of [102, 103, 101]) {
    // The identity of the reader is cached when the rights change.
    for (let i = 0; i < 2; i++) await shown(ada.get("/acme/web/dev"));
    await ok("PATCH", "/api/orgs/acme", { token: world.admin, json: { setMembersCanDeleteStacks: permission === 102 } });
    await shown(ada.get("/acme/web/dev"));
    await shown(ada.get("/acme/web/dev/settings/options"));
  }
});

it("shows the form again only to readers of teams", async () => {
  await newTeam(world);
  const writer = await newPerson("wim");
  await give(world.admin, "wim", await newRoleId(world.admin, "Writers", allow("team:update")));
  await shown((await signIn(writer)).post(`${TEAM}/members`, { login: "nobody", action: "add" }), 403);
});
