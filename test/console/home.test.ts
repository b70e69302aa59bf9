import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import { settledLog } from "../support/audit.ts";
import { type Visitor, shown, signIn } from "../support/browser.ts";
import { call, ok } from "../support/client.ts";
import { countRowsRead } from "../support/rows.ts";
import { type World, newOrgToken, newStack, newWorld, startUpdate } from "../support/world.ts";

const DAY = 86_400_000;

let world: World;
let admin: Visitor;
beforeEach(async () => {
  world = await newWorld();
  admin = await signIn(world.admin);
});

const orgIdOf = async (name: string) =>
  (await env.DB.prepare("SELECT id FROM organizations WHERE name = ?").bind(name).first<string>("id"))!;

/** The text and the links of the part of the page with this title. */
function part(html: string, title: string): { text: string; links: string[] } | undefined {
  const section = new RegExp(`<h2>${title}</h2>(.*?)</section>`, "s").exec(html)?.[1];
  if (section === undefined) return undefined;
  return {
    text: section
      .replaceAll(/<[^>]*>/g, " ")
      .replaceAll(/\s+/g, " ")
      .trim(),
    links: [...section.matchAll(/href="([^"]*)"/g)].map(([, href]) => href!),
  };
}

it("an empty organization's home says what to do first, and is the target of every way in", async () => {
  const html = await shown(admin.get("/acme"));
  expect(html).toContain("pulumi stack init acme/PROJECT/STACK");
  expect(part(html, "Tokens that expire soon")!.text).toContain("No token expires within 14 days.");
  expect(part(html, "Refused in the last day")!.text).toContain("Nothing was refused");
  expect(html).toContain('aria-current="page">Home</a>');
  expect((await admin.get("/")).headers.get("Location")).toBe("/acme");
  expect((await admin.get("/acme/~")).headers.get("Location")).toBe("/acme");
  expect((await admin.get("/globex")).status).toBe(404);
});

it("home shows what runs, what failed, and what was updated, newest first, with links to the updates", async () => {
  for (const name of ["a", "b", "c", "new"]) await newStack(world.member, "web", name);
  const { tokenValue } = await newOrgToken(world, "jenkins");
  const end = async (stack: string, status: string) => {
    const update = await startUpdate(tokenValue, { stack: `web/${stack}` });
    await ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status } });
  };
  await end("a", "failed");
  await end("b", "failed");
  await end("b", "succeeded");
  await startUpdate(world.member, { stack: "web/c" });
  await startUpdate(world.member, { stack: "web/new", kind: "preview", dryRun: true });
  await env.DB.prepare("UPDATE stacks SET last_update_at = last_update_at + CASE name WHEN 'b' THEN 60000 ELSE 0 END").run();
  const html = await shown(admin.get("/acme"));
  expect(part(html, "Running now")).toMatchObject({
    links: ["/acme/web/c/updates/1"],
    text: expect.stringContaining("in progress") as string,
  });
  expect(part(html, "Failed")!.links).toEqual(["/acme/web/a/updates/1"]);
  const recent = part(html, "Recent updates")!;
  expect(recent.links).toEqual(["/acme/web/b/updates/2", "/acme/web/a/updates/1", "/acme/~/stacks"]);
  expect(recent.text).toMatch(/web\/b succeeded Update 2 by acme, token jenkins/);
});

it("home lists tokens that expire soon, new tokens, new people, and refusals, each with a link", async () => {
  const soon = await newOrgToken(world, "expires-soon", { expires: Math.floor(Date.now() / 1000) + 3 * 86_400 });
  const later = await newOrgToken(world, "expires-later", { expires: Math.floor(Date.now() / 1000) + 20 * 86_400 });
  const old = await newOrgToken(world, "old");
  await env.DB.prepare("UPDATE access_tokens SET created_at = ? WHERE id = ?")
    .bind(Date.now() - 8 * DAY, old.id)
    .run();
  await env.DB.prepare(
    "UPDATE access_tokens SET expires_at = ?, description = 'laptop' WHERE kind = 'personal' AND user_id = (SELECT id FROM users WHERE login = 'ada')",
  )
    .bind(Date.now() + 2 * DAY)
    .run();
  await env.DB.prepare("UPDATE members SET created_at = CASE user_id WHEN (SELECT id FROM users WHERE login = 'mel') THEN ? ELSE 1 END")
    .bind(Date.now())
    .run();
  expect((await call("GET", "/api/orgs/acme/auditlogs/v2", { token: world.member })).status).toBe(403);
  await settledLog();
  const html = await shown(admin.get("/acme"));
  const TOKEN = "/acme/~/tokens";
  const expiring = part(html, "Tokens that expire soon")!;
  expect(expiring.links).toEqual([`${TOKEN}/${soon.id}`, "/user/settings/tokens", `${TOKEN}?filter=soon&amp;sort=expires`]);
  expect(expiring.text).toMatch(/expires-soon .*laptop your personal token/);
  expect(part(html, "New tokens")!.links.toSorted()).toEqual([`${TOKEN}/${soon.id}`, `${TOKEN}/${later.id}`].toSorted());
  expect(part(html, "New people")!.links).toEqual(["/acme/~/members/mel/role"]);
  const refused = part(html, "Refused in the last day")!;
  expect(refused.links[0]).toMatch(/^\/acme\/~\/audit\/\d+$/);
  expect(refused.text).toContain("mel");
  // A refusal that is older than a day is not listed.
  await env.DB.prepare("UPDATE audit_events SET at = at - ?")
    .bind(2 * DAY)
    .run();
  expect(part(await shown(admin.get("/acme")), "Refused in the last day")!.text).toContain("Nothing was refused");
});

it("shows each part only to those who may see its page", async () => {
  await newStack(world.member);
  const titles = async (token: string) =>
    [...(await shown((await signIn(token)).get("/acme"))).matchAll(/<h2>([^<]*)<\/h2>/g)].map(([, title]) => title);
  const forAll = ["Tokens that expire soon", "New people"];
  const ofStacks = ["Running now", "Failed", "Recent updates"];
  expect(await titles(world.admin)).toEqual([
    ...ofStacks,
    "Tokens that expire soon",
    "New tokens",
    "Refused in the last day",
    "New people",
  ]);
  expect(await titles(world.member)).toEqual([...ofStacks, ...forAll]);
  expect(await titles(world.billing)).toEqual(forAll);
});

it("names no stack that the reader may not know", async () => {
  for (const project of ["open", "closed"]) await newStack(world.admin, project, "dev");
  await startUpdate(world.admin, { stack: "closed/dev" });
  await env.DB.prepare(
    "UPDATE organizations SET default_stack_permission = 0, settings_version = settings_version + 1 WHERE name = 'acme'",
  ).run();
  const grant = (login: string, project: string) =>
    env.DB.prepare(
      `INSERT INTO stack_grants (stack_id, grantee_kind, grantee_id, permission, created_at)
       SELECT stacks.id, 'user', users.id, 101, 0 FROM stacks, users WHERE login = ? AND project = ?`,
    )
      .bind(login, project)
      .run();
  await grant("mel", "open");
  const html = await shown((await signIn(world.member)).get("/acme"));
  expect(part(html, "Running now")!.text).toContain("No update is running.");
  expect(html).not.toContain("closed");
  await grant("mel", "closed");
  expect(part(await shown((await signIn(world.member)).get("/acme")), "Running now")!.links).toEqual(["/acme/closed/dev/updates/1"]);
});

it("is at most 100 KB, and reads a bounded number of rows, however much there is", async () => {
  const orgId = await orgIdOf("acme");
  const text = `<&"'`.repeat(100);
  const numbers = JSON.stringify(Array.from({ length: 3000 }, (_, i) => i));
  const fill = (sql: string, ...values: unknown[]) =>
    env.DB.prepare(sql)
      .bind(numbers, orgId, ...values)
      .run();
  const now = Date.now();
  await fill(
    `INSERT INTO stacks (id, org_id, project, name, version, active_update, running_update, last_update_at, created_at)
     SELECT 's' || value, ?2, 'p' || (value % 100), 'stack-' || value, 1, 'u' || value, CASE WHEN value % 5 = 0 THEN 'u' || value END, ?3 - value, 0 FROM json_each(?1)`,
    now,
  );
  await fill(
    `INSERT INTO updates (id, stack_id, kind, dry_run, status, version, message, environment, config, requested_by, token_id, token_name, created_at, started_at)
     SELECT 'u' || value, 's' || value, 'update', 0, CASE WHEN value % 5 = 0 THEN 'running' ELSE 'succeeded' END, 1, ?3, '{}', '{}', 'ada', '', 'jenkins', 0, 1 FROM json_each(?1) WHERE ?2 <> ''`,
    text,
  );
  await fill(
    `INSERT INTO access_tokens (id, kind, org_id, name, description, hash, created_at, created_by, expires_at)
     SELECT 't' || value, 'organization', ?2, 'token-' || value, ?4, 'hash-' || value, ?3, 'ada', ?3 + 86400000 FROM json_each(?1)`,
    now,
    text,
  );
  await fill(`INSERT INTO users (id, login, name, created_at) SELECT 'p' || value, 'person-' || value, ?2, 1 FROM json_each(?1)`);
  await fill(`INSERT INTO members (org_id, user_id, role, created_at) SELECT ?2, 'p' || value, 'member', ?3 FROM json_each(?1)`, now);
  await fill(
    `INSERT INTO audit_events (id, org_id, at, event, description, source_ip, user_login, user_name, token_id, token_name, stack, req_org_admin,
       req_stack_admin, auth_failure, seq, prev_hash, hash)
     SELECT 'e' || value, ?2, ?3, 'stack-deleted', ?4, '', 'ada', '', '', '', '', 0, 0, 1, 1000 + value, '', '' FROM json_each(?1)`,
    now,
    text,
  );
  const rowsRead = countRowsRead();
  const html = await shown(admin.get("/acme"));
  // The page reads 500 stacks and their updates for the list of failures, as many for the running ones, and some rows for each line.
  const rows = rowsRead();
  expect(rows).toBeGreaterThan(1000);
  expect(rows).toBeLessThan(6 * 500 + 300);
  expect(new TextEncoder().encode(html).length).toBeLessThan(100_000);
  expect(part(html, "Running now")!.links).toHaveLength(9);
  expect(part(html, "Tokens that expire soon")!.links).toHaveLength(7);
});
