import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import { allow, newRoleId } from "../roles/roles.ts";
import { eventsOf } from "../support/audit.ts";
import { type Visitor, shown, signIn } from "../support/browser.ts";
import { type World, newOrgToken, newStack, newTeam, newWorld } from "../support/world.ts";
import { addTo, closeStacks, giveRole, grant } from "../teams/people.ts";

const PAGE = "/acme/web/dev/access";
let world: World;
let admin: Visitor;
beforeEach(async () => {
  world = await newWorld();
  admin = await signIn(world.admin);
  await newStack(world.admin);
  await newTeam(world);
  await closeStacks(world.admin);
  await addTo(world.admin, "mel");
});

const textOf = (html: string) =>
  html
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll("&#39;", "'")
    .replaceAll(/\s+/g, " ");

it("shows who has a right and why, and is linked from the stack's page", async () => {
  await grant(world.admin, 101);
  await newOrgToken(world, "reader", { roleID: "read-only" });
  expect(await shown(admin.get("/acme/web/dev"))).toContain(`href="${PAGE}"`);
  const read = textOf(await shown(admin.get(PAGE)));
  for (const part of [
    "mel Team platform has read on web/dev.",
    "ada The role Admin includes it. Team platform has read on web/dev. The creator of web/dev has all rights",
    "reader The role Read Only includes it.",
  ])
    expect(read).toContain(part);
  const write = textOf(await shown(admin.get(`${PAGE}?permission=stack:write`)));
  expect(write).toContain("ada The role Admin includes it.");
  expect(write).not.toContain("mel Team");
  await shown(admin.get(`${PAGE}?permission=stack:wrote`), 400);
});

it("lets an administrator give, change and take a grant of a team, by the rules of the API", async () => {
  const post = (permission: string, team = "platform") => admin.post(`${PAGE}/teams`, { team, permission });
  const done = async (answer: Promise<Response>) => expect((await answer).headers.get("Location")).toBe(PAGE);
  const events = await eventsOf(async () => {
    await done(post("102"));
    expect(textOf(await shown(admin.get(`${PAGE}?permission=stack:write`)))).toContain("mel Team platform has write on web/dev.");
    await done(post("101"));
    await done(post("0"));
  });
  expect(events.map(({ description }) => description)).toEqual([
    'Gave team "platform" write on stack "acme/web/dev".',
    'Gave team "platform" read on stack "acme/web/dev".',
    'Took its right from team "platform" on stack "acme/web/dev".',
  ]);
  expect(await shown(post("101", "nobody"), 400)).toContain("Team &#39;nobody&#39; not found");
  expect(await shown(post("104"), 400)).toContain("Choose one of the rights.");
  expect(await shown(post("all"), 400)).toContain("Choose one of the rights.");
});

it("lets an administrator take a person's own grant, and no right of a role", async () => {
  const events = await eventsOf(async () => {
    expect((await admin.post(`${PAGE}/people/remove`, { login: "ada" })).headers.get("Location")).toBe(PAGE);
  });
  expect(events).toMatchObject([{ event: "stack-collaborator-removed", stack: "web/dev" }]);
  const page = textOf(await shown(admin.get(PAGE)));
  expect(page).toContain("ada The role Admin includes it.");
  expect(page).not.toContain("The creator of web/dev");
  expect(await shown(admin.post(`${PAGE}/people/remove`, { login: "nobody" }), 400)).toContain("not found");
});

it("shows a reader of the stack no form, and refuses what the form would send", async () => {
  await grant(world.admin, 101);
  const mel = await signIn(world.member);
  const page = await shown(mel.get(PAGE));
  expect(page).not.toContain('method="post" action="/acme');
  expect(page).toContain("Only administrators of acme see");
  expect(textOf(await shown(mel.post(`${PAGE}/teams`, { team: "platform", permission: "103" }), 403))).toContain(
    "does not include the right stack_access:update; an administrator of acme, or of the stack web/dev, can grant it.",
  );
  await shown(mel.post(`${PAGE}/people/remove`, { login: "ada" }), 403);
  await newStack(world.admin, "web", "prod");
  await shown(mel.get("/acme/web/prod/access"), 404);
});

it("stays below 100 KB with a thousand people, tokens and teams, and with long names", async () => {
  const dense = `<&"'`.repeat(25);
  const role = await newRoleId(world.admin, dense, allow("stack:read"));
  const row = (sql: string) => env.DB.prepare(sql);
  const numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)";
  await env.DB.batch([
    row(`INSERT INTO users (id, login, name, email, created_at) ${numbers} SELECT 'u' || i, 'person-' || i, '', '', 0 FROM n`),
    row(`INSERT INTO members (org_id, user_id, role, created_at, accepted_at) ${numbers} SELECT organizations.id, 'u' || i, 'member', 0, 0
      FROM n, organizations WHERE organizations.name = 'acme'`),
    row(`INSERT INTO teams (id, org_id, name, display_name, description, created_at) ${numbers} SELECT 't' || i, organizations.id, 'team-' || i,
      '${dense.replaceAll("'", "''")}', '', 0 FROM n, organizations WHERE organizations.name = 'acme'`),
    row(
      `INSERT INTO team_members (team_id, user_id, created_at) SELECT teams.id, users.id, 0 FROM teams, users WHERE teams.id LIKE 't1%' AND users.id LIKE 'u1%'`,
    ),
    row(`INSERT INTO stack_grants (stack_id, grantee_kind, grantee_id, permission, created_at) SELECT stacks.id, 'team', teams.id, 101, 0
      FROM stacks, teams WHERE teams.id LIKE 't%'`),
    row(`INSERT INTO team_roles (team_id, role_id) SELECT id, '${role}' FROM teams WHERE id LIKE 't%'`),
  ]);
  await giveRole("mel", role);
  let path: string | undefined = PAGE;
  for (let pages = 0; path && pages < 40; pages++) {
    const html: string = await shown(admin.get(path));
    expect(new TextEncoder().encode(html).length, path).toBeLessThan(100_000);
    path = /href="([^"]*continuationToken=[^"]*)">Next page/.exec(html)?.[1]?.replaceAll("&amp;", "&");
  }
});
