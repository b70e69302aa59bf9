import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import { cut, fill, pageBytes } from "../../src/http/pageText.ts";
import { settledLog } from "../support/audit.ts";
import { type Visitor, shown, signIn } from "../support/browser.ts";
import { ok } from "../support/client.ts";
import { component, deploymentOf, rootStack } from "../support/deployment.ts";
import { type World, newOrgToken, newStack, newTeam, newWorld, startUpdate } from "../support/world.ts";
import { type SimpleRole, writeTree } from "../../src/console/roles/tree.ts";
import { scopeWords } from "../../src/roles/scopes.ts";

/** Maximum number of bytes of a page, whatever it shows. */
const MOST = 100_000;
/** Text that takes the most bytes in HTML. */
const dense = (length: number) => `<&"'`.repeat(length / 4);
const STACK_PATH = "/acme/web/dev";

let world: World;
let admin: Visitor;
beforeEach(async () => {
  world = await newWorld();
  admin = await signIn(world.admin);
});

async function sized(path: string): Promise<string> {
  const html = await shown(admin.get(path));
  expect(new TextEncoder().encode(html).length, path).toBeLessThan(MOST);
  return html;
}

const hundred = (sql: string, ...values: unknown[]) => {
  const row = env.DB.prepare(sql).bind(...values);
  return env.DB.batch(Array.from({ length: 100 }, () => row));
};
const rows = (html: string) => html.split("<tr").length - 2;
const importState = (resources: unknown[]) =>
  ok("POST", `/api/stacks${STACK_PATH}/import`, { token: world.admin, json: deploymentOf(resources as never) });

it("texts are measured by what a page makes of them", () => {
  expect([pageBytes("a"), pageBytes("<"), pageBytes('"'), pageBytes("&'"), pageBytes("é"), pageBytes("€"), pageBytes("😀")]).toEqual([
    1, 4, 6, 10, 2, 3, 4,
  ]);
  expect(cut("abc", 3)).toBe("abc");
  expect(cut("abcd", 3)).toBe("abc…");
  expect(cut("a<b", 4)).toBe("a…");
  expect(cut("a😀", 3)).toBe("a…");
  expect(fill(["aa", "b", "cc"], 3, pageBytes)).toEqual({ shown: ["aa", "b"], more: 1 });
});

it("lists of a hundred: tokens, one's own tokens, members, invitations", async () => {
  const token = `INSERT INTO access_tokens (id, kind, org_id, user_id, name, description, display_name, hash, created_at, created_by, last_used_at,
    last_used_address, last_used_country) SELECT lower(hex(randomblob(16))), ?1, CASE ?1 WHEN 'organization' THEN organizations.id END,
    CASE ?1 WHEN 'personal' THEN users.id END, CASE ?1 WHEN 'organization' THEN lower(hex(randomblob(20))) ELSE '' END, ?2, '',
    lower(hex(randomblob(32))), 1700000000000, 'somebody-with-a-login', 1700000000000, '2001:db8:1111:2222:3333:4444:5555:6666', 'DE'
    FROM organizations, users WHERE organizations.name = 'acme' AND users.login = 'ada'`;
  await hundred(token, "organization", dense(252));
  await hundred(token, "personal", dense(252));
  await hundred(
    `INSERT INTO invites (id, org_id, email, role, status, created_at, sent_by, sent_at) SELECT lower(hex(randomblob(18))), id, ?1, 'member',
      'pending', ?2, 'ada', ?2 FROM organizations WHERE name = 'acme'`,
    `${dense(240)}@x`,
    Date.now(),
  );
  for (let i = 0; i < 100; i++)
    await env.DB.batch([
      env.DB.prepare("INSERT INTO users (id, login, name, email, created_at) VALUES (?, ?, ?, '', 1)").bind(
        `u${i}`,
        `somebody-with-a-long-login-${i}`,
        dense(400),
      ),
      env.DB.prepare(
        "INSERT INTO members (org_id, user_id, role, created_at) SELECT id, ?, 'member', 1 FROM organizations WHERE name = 'acme'",
      ).bind(`u${i}`),
    ]);
  expect(rows(await sized("/acme/~/tokens"))).toBe(100);
  expect(rows(await sized("/user/settings/tokens"))).toBe(100);
  expect(rows(await sized("/acme/~/members"))).toBe(100);
  expect(rows(await sized("/acme/~/members/invites"))).toBe(100);
});

it("roles and teams, however many there are and whatever they are called", async () => {
  await newStack(world.admin);
  await newTeam(world);
  const token = await newOrgToken(world, "ci");
  const orgId = (await env.DB.prepare("SELECT id FROM organizations WHERE name = 'acme'").first<string>("id"))!;
  const tag = { is: "tag", key: dense(1000), value: dense(1000) };
  const onStacks = scopeWords.filter(({ about }) => about === "stack").map(({ name }) => name);
  /** Grants under several conditions of many rules, and scopes that grant nothing. */
  const grants = (count: number, rules: number) =>
    JSON.stringify([
      { scopes: [...scopeWords.map(({ name }) => name), dense(1000)], rules: null },
      ...Array.from({ length: count }, (_, i) => ({
        scopes: onStacks.slice(i % 5),
        rules: Array.from({ length: rules }, () => [tag, tag]),
      })),
    ]);
  const role = (id: string, purpose: string, text: string) =>
    env.DB.prepare(
      `INSERT INTO roles (id, org_id, name, description, resource_type, ux_purpose, details, grants, created_at, modified_at)
       VALUES (?, ?, ?, ?, 'organization', ?, ?, ?, 0, 0)`,
    ).bind(id, orgId, dense(92) + id.slice(-8), dense(1000), purpose, JSON.stringify(writeTree(large)), text);
  const ids = (kind: string, count: number) => Array.from({ length: count }, (_, i) => `00000000-0000-4000-8000-0000${kind}${1000 + i}`);
  const [roles, sets] = [ids("cccc", 120), ids("dddd", 60)];
  const large: SimpleRole = {
    organization: { set: "", scopes: scopeWords.filter(({ about }) => about === "organization").map(({ name }) => name) },
    stacks: Array.from({ length: 6 }, (_, i) => ({
      set: sets[i]!,
      scopes: onStacks,
      where: i < 3 ? { on: "tag", key: dense(400), value: dense(400) } : { on: "stacks", ids: [crypto.randomUUID()] },
    })),
  };
  await env.DB.batch([
    ...roles.map((id, i) => role(id, "role", i === 0 ? grants(30, 4) : grants(3, 1))),
    ...sets.map((id) => role(id, "set", grants(1, 1))),
    // Every person, team, token and invitation has the first role.
    env.DB.prepare("UPDATE teams SET display_name = ?, description = ?").bind(dense(100), dense(1000)),
    ...Array.from({ length: 120 }, (_, i) =>
      env.DB.prepare("INSERT INTO teams (id, org_id, name, display_name, description, created_at) VALUES (?, ?, ?, ?, ?, 0)").bind(
        `t${i}`,
        orgId,
        `${i}${"n".repeat(97)}`,
        dense(100),
        dense(1000),
      ),
    ),
    env.DB.prepare("INSERT INTO team_roles (team_id, role_id) SELECT id, ? FROM teams").bind(roles[0]),
    env.DB.prepare(
      "INSERT INTO team_roles (team_id, role_id) SELECT teams.id, roles.id FROM teams, roles WHERE teams.name = 'platform' AND ux_purpose = 'role' AND roles.id > ?",
    ).bind(roles[1]),
    ...Array.from({ length: 120 }, (_, i) =>
      env.DB.prepare("INSERT INTO users (id, login, name, email, created_at) VALUES (?, ?, ?, '', 1)").bind(
        `u${i}`,
        `${i}-with-a-long-login-of-thirty-nine`,
        dense(400),
      ),
    ),
    env.DB.prepare(
      "INSERT INTO members (org_id, user_id, role, created_at, role_id) SELECT ?, id, 'member', 1, ? FROM users WHERE id LIKE 'u%' AND length(id) < 5",
    ).bind(orgId, roles[0]),
    env.DB.prepare(
      "INSERT INTO team_members (team_id, user_id, role, created_at) SELECT teams.id, users.id, 'member', 0 FROM teams, users WHERE teams.name = 'platform' AND length(users.id) < 5",
    ),
    ...Array.from({ length: 120 }, (_, i) =>
      env.DB.prepare("INSERT INTO stacks (id, org_id, project, name, created_at) VALUES (?, ?, ?, ?, 0)").bind(
        `s${i}`,
        orgId,
        "p".repeat(100),
        `${i}${"s".repeat(97)}`,
      ),
    ),
    env.DB.prepare(
      "INSERT INTO stack_grants (stack_id, grantee_kind, grantee_id, permission, created_at) SELECT stacks.id, 'team', teams.id, 103, 0 FROM stacks, teams WHERE teams.name = 'platform' AND length(stacks.id) < 5",
    ),
    ...Array.from({ length: 120 }, (_, i) =>
      env.DB.prepare(
        `INSERT INTO access_tokens (id, kind, org_id, team_id, role_id, name, description, hash, created_at, created_by)
         SELECT lower(hex(randomblob(16))), CASE ?1 % 2 WHEN 0 THEN 'team' ELSE 'organization' END, org_id, CASE ?1 % 2 WHEN 0 THEN id END,
           CASE ?1 % 2 WHEN 1 THEN ?2 END, lower(hex(randomblob(20))), ?3, lower(hex(randomblob(32))), 0, 'ada' FROM teams WHERE name = 'platform'`,
      ).bind(i, roles[0], dense(252)),
    ),
    ...roles.slice(1, 60).map((id) => env.DB.prepare("INSERT INTO role_parts (role_id, part_id) VALUES (?, ?)").bind(id, roles[0])),
  ]);
  expect(rows(await sized("/acme/~/roles"))).toBeGreaterThan(50);
  const ROLE = `/acme/~/roles/${roles[0]}`;
  for (const path of [
    "/acme/~/roles?roles=2&sets=2",
    "/acme/~/roles/new",
    "/acme/~/roles/new?as=json",
    "/acme/~/roles/member",
    "/acme/~/roles/admin",
    ROLE,
  ])
    await sized(path);
  for (const part of ["/edit", "/edit?as=json", "/delete", "/delete?force=true"]) await sized(ROLE + part);
  expect(await sized(`${ROLE}/edit`)).toContain('name="part5.set"');
  for (const path of [
    "/acme/~/members/mel/role",
    "/acme/~/members",
    "/acme/~/members/invites",
    "/acme/~/tokens/new",
    `/acme/~/tokens/${token.id}`,
  ])
    expect(await sized(path)).toContain("more roles do not fit on this page");
  expect(rows(await sized("/acme/~/teams"))).toBe(50);
  expect(rows(await sized("/acme/~/tokens"))).toBeGreaterThan(60);
  const TEAM = "/acme/~/teams/platform";
  for (const part of ["", "/stacks", "/tokens"]) expect(rows(await sized(TEAM + part))).toBe(50);
  expect(rows(await sized(`${TEAM}/roles`))).toBe(25);
  for (const part of ["/settings", "/delete", "/tokens/new"]) await sized(TEAM + part);
});

it("the audit log, with filters of any length", async () => {
  await hundred(
    `INSERT INTO audit_events (id, org_id, at, event, description, source_ip, user_login, user_name, token_id, token_name, stack,
       req_org_admin, req_stack_admin, auth_failure)
     SELECT lower(hex(randomblob(16))), id, 9000000000000, 'organization-token-created-for-oidc-issuer', ?, '2001:db8:1111:2222:3333:4444:5555:6666',
       'somebody-with-a-login', '', '01234567-89ab-cdef-0123-456789abcdef', 'jenkins-production-deployments', 'infrastructure/production', 0, 0, 1
     FROM organizations WHERE name = 'acme'`,
    `needle ${dense(2000)}`,
  );
  const events = (html: string) => html.match(/<li class="event/g)!.length;
  expect(events(await sized("/acme/~/audit"))).toBe(100);
  const filters = "refusalsOnly=true&eventFilter=organization-token-created-for-oidc-issuer&userFilter=somebody-with-a-login&startTime=1";
  expect(events(await sized(`/acme/~/audit?${filters}`))).toBe(100);
  expect(events(await sized(`/acme/~/audit?textFilter=${encodeURIComponent(`needle ${" < ".repeat(160)}`)}`))).toBe(100);
  // The page has as many folds as possible.
  await env.DB.prepare(
    `UPDATE audit_events SET event = 'stack-update-started', auth_failure = 0, stack = printf('%.*c/%.*c%d', 100, 'p', 90, 's', rowid / 3),
       description = 'Started (01234567-89ab-cdef-0123-456789abcdef). ' || ? WHERE at = 9000000000000`,
  )
    .bind(dense(200))
    .run();
  expect(await sized("/acme/~/audit")).toContain('<summary class="event">');
});

it("twenty audit streams that fail", async () => {
  const destination = {
    kind: "s3",
    url: "https://s3.example.com",
    region: "r",
    bucket: "b".repeat(63),
    prefix: dense(300),
    pathStyle: true,
    accessKeyId: "k".repeat(200),
  };
  await env.DB.batch(
    Array.from({ length: 20 }, (_, i) =>
      env.DB.prepare(
        `INSERT INTO audit_streams (id, org_id, name, format, destination, credentials, host, delivered_through, created_at, modified_at, made_with, failing_since, failures, error)
         SELECT ?1, id, ?1 || ?2, 'jsonl', ?3, '', 'h', 0, 1, 1, 't', 1, 1, ?4 FROM organizations WHERE name = 'acme'`,
      ).bind(`s${i}`, dense(92), JSON.stringify(destination), dense(200)),
    ),
  );
  expect(rows(await sized("/acme/~/streams"))).toBe(20);
  for (const path of ["/acme/~/streams/s1", "/acme/~/streams/s1/edit", "/acme/~/streams/s1/delete", "/acme", "/acme/~/settings"])
    expect(await sized(path)).toContain("&lt;");
});

it("one record, however much was changed", async () => {
  const { id } = await newOrgToken(world, "limited");
  const rules = (letter: string) =>
    Array.from({ length: 100 }, (_, i) => ({ project: `${letter.repeat(97)}${i}`, stack: letter.repeat(100) }));
  for (const letter of ["p", "q"])
    await ok("PATCH", `/api/orgs/acme/tokens/${id}`, { token: world.admin, json: { stacks: rules(letter) } });
  await settledLog();
  const last = await env.DB.prepare(
    "SELECT max(seq) AS seq FROM audit_events WHERE org_id IN (SELECT id FROM organizations)",
  ).first<number>("seq");
  expect(await sized(`/acme/~/audit/${last}`)).toContain("Organization Token Updated");
  await env.DB.prepare("UPDATE audit_events SET description = ? WHERE seq = ?").bind(dense(40_000), last).run();
  expect(await sized(`/acme/~/audit/${last}`)).toContain("the export contains all of it");
});

it("a token with as many limits as there may be", async () => {
  const { id } = await newOrgToken(world, "limited", {
    description: dense(252),
    displayName: dense(100),
    stacks: Array.from({ length: 100 }, (_, i) => ({ project: `${"p".repeat(90)}${i}`, stack: "s".repeat(100) })),
    ipAllowList: ["203.0.113.0/24", ...Array.from({ length: 99 }, (_, i) => `2001:db8:1111:2222:3333:4444:5555:${i}/128`)],
  });
  expect(await sized(`/acme/~/tokens/${id}`)).toContain("2001:db8");
});

it("a stack: its history, tags, outputs, resources, configuration", async () => {
  await newStack(world.admin);
  const tags = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`tag-${i}`, dense(256)]));
  await ok("PATCH", `/api/stacks${STACK_PATH}/tags`, { token: world.admin, json: tags });
  const outputs = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`${dense(40)}${i}`, dense(2000)]));
  const secrets = Object.fromEntries(
    Array.from({ length: 200 }, (_, i) => [
      `${dense(200)}${i}`,
      { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext: "v1:x:y" },
    ]),
  );
  const many = Array.from({ length: 300 }, (_, i) => ({
    ...component(`${dense(200)}${i}`),
    parent: rootStack.urn,
    custom: true,
    id: dense(400),
  }));
  for (const its of [outputs, secrets]) {
    await importState([{ ...rootStack, outputs: its }, ...many]);
    expect(await sized(`${STACK_PATH}/outputs`)).toContain("more are not shown");
  }
  for (const view of ["", "?view=list", "?from=200", "?filter=thing"])
    expect(await sized(`${STACK_PATH}/resources${view}`)).toMatch(/\d+–\d+ of 30\d/);
  const tangle = Array.from({ length: 39 }, (_, i) => ({
    ...component(`${dense(400)}${i}`),
    dependencies: Array.from({ length: i }, (_, of) => component(`${dense(400)}${of}`).urn),
  }));
  await importState([rootStack, ...tangle]);
  expect(await sized(`${STACK_PATH}/resource?urn=${encodeURIComponent(tangle[20]!.urn)}`)).toContain('class="around"');
  await env.DB.prepare("UPDATE updates SET message = ?, resource_changes = ?")
    .bind(dense(4000), JSON.stringify(Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`${dense(400)}${i}`, 1]))))
    .run();
  await hundred(
    `INSERT INTO updates (id, stack_id, kind, dry_run, status, version, message, environment, config, requested_by, token_id, token_name,
      created_at, started_at, ended_at, resource_changes) SELECT lower(hex(randomblob(16))), stack_id, 'preview', 1, 'succeeded', 1, message,
      '{}', '{}', 'ada', '', '', 1, 1, 2, resource_changes FROM updates WHERE dry_run = 0 LIMIT 1`,
  );
  await sized(STACK_PATH);
});

it("an update, with any number of steps and messages, any environment and any configuration", async () => {
  await newStack(world.admin);
  const update = await startUpdate(world.admin);
  const urn = (name: string) => `urn:pulumi:dev::web::my:index:Thing::${name}`;
  const events = Array.from({ length: 150 }, (_, i) => [
    { resOutputsEvent: { metadata: { op: dense(40), urn: urn(`${dense(200)}${i}`) } } },
    { diagnosticEvent: { urn: urn(dense(200)), severity: i % 2 ? "info" : "error", message: dense(400 * (i % 30)) } },
  ]).flat();
  await ok("POST", `${update.path}/events/batch`, {
    lease: update.lease,
    json: { events: events.map((event, sequence) => ({ sequence, timestamp: 1, ...event })) },
  });
  const many = (value: unknown) => JSON.stringify(Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`${dense(100)}${i}`, value])));
  await env.DB.prepare("UPDATE updates SET message = ?, environment = ?, config = ?, resource_changes = ?")
    .bind(dense(8000), many(dense(1000)), many({ string: dense(1000), secret: false }), many(7))
    .run();
  const html = await sized(`${STACK_PATH}/updates/1`);
  expect(html).toContain("Earlier messages are not shown");
  expect(html).toMatch(/and \d+ more/);
  await sized(`${STACK_PATH}/settings/options`);
});
