import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import { signCheckpoints } from "../../src/audit/checkpoint.ts";
import { checkChains } from "../../src/auditlogs/check.ts";
import type { Bindings } from "../../src/env.ts";
import { settledLog } from "../support/audit.ts";
import { type Visitor, shown, signIn } from "../support/browser.ts";
import { ok, refused } from "../support/client.ts";
import { countRowsRead } from "../support/rows.ts";
import { type NewToken, type World, newOrgToken, newStack, newWorld, startUpdate } from "../support/world.ts";

const HERE = "/acme/~/audit";
let world: World;
let admin: Visitor;
let ci: NewToken;
let orgId: string;
beforeEach(async () => {
  world = await newWorld();
  admin = await signIn(world.admin);
  orgId = (await env.DB.prepare("SELECT id FROM organizations WHERE name = 'acme'").first<string>("id"))!;
  ci = await newOrgToken(world, "ci", { description: "<script>alert(1)</script>" });
  await newStack(ci.tokenValue);
  await refused(403, "GET", "/api/orgs/acme/auditlogs", { token: world.member });
  await settledLog();
});

/** The page of a filter that was typed: the first answer redirects to an address with the exact times. */
async function filtered(reader: Visitor, query: string): Promise<string> {
  const typed = await reader.get(`${HERE}?${query}`);
  expect(typed.status).toBe(303);
  const to = typed.headers.get("Location")!;
  expect(to).not.toMatch(/from=|until=/);
  return shown(reader.get(to));
}

const rowsIn = (html: string) => html.match(/<li class="event/g)?.length ?? 0;

it("marks refused calls, names the stack once, and has one link in each row", async () => {
  const page = await shown(admin.get(HERE));
  expect(page).toContain('<li class="event refused">');
  const row = page
    .split('<li class="event')
    .slice(1)
    .find((text) => text.includes("Stack Created"))!
    .split("</li>")[0]!;
  expect(row.match(/<a /g)).toHaveLength(1);
  expect(row.match(/web\/dev/g)).toHaveLength(1);
  const record = await shown(admin.get(/href="([^"]*)"/.exec(row)![1]!));
  expect(record).toContain(`href="${HERE}?tokenFilter=${ci.id}"`);
  expect(record).toContain(`href="${HERE}?eventFilter=stack-created"`);
  expect(record).toContain(`href="${HERE}?stackFilter=web%2Fdev"`);
});

it("takes the API's filters, and has a field for each", async () => {
  const rows = async (query: string) => rowsIn(await shown(admin.get(`${HERE}?${query}`)));
  const all = await rows("");
  expect(await rows(`tokenFilter=${ci.id}`)).toBe(1);
  expect(await rows("tokenFilter=ci&userFilter=&stackFilter=web/dev&from=&until=")).toBe(1);
  expect(await rows("refusalsOnly=true")).toBe(1);
  expect(rowsIn(await filtered(admin, "from=2020-01-01T00:00"))).toBe(all);
  expect(await filtered(admin, "until=2020-01-01T00:00")).toContain("No events match");
  const page = await shown(admin.get(`${HERE}?tokenFilter=ci&userFilter=ada`));
  for (const field of [/name="tokenFilter"[^>]* value="ci"/, /name="userFilter"[^>]* value="ada"/, /name="stackFilter"/])
    expect(page).toMatch(field);
});

it("shows times and reads filters in the one zone that the reader has chosen, with seconds", async () => {
  const at = Date.UTC(2026, 6, 1, 22, 30, 15);
  await env.DB.prepare("UPDATE audit_events SET at = ? WHERE event = 'stack-created'").bind(at).run();
  const change = await admin.post("/user/settings/display", { zone: "Asia/Kolkata", next: HERE });
  expect(change.headers.get("Location")).toBe(HERE);
  const reader = admin.with(change);
  expect(await shown(admin.get(`${HERE}?eventFilter=stack-created`))).toContain("2026-07-01 22:30:15 UTC");
  const page = await filtered(reader, "eventFilter=stack-created&from=2026-07-02T04:00:15&until=2026-07-02T04:00:16");
  expect(page).toContain("2026-07-02 04:00:15 GMT+5:30");
  expect(page).toContain('value="2026-07-02T04:00:15"');
  expect(page).toMatch(/From: 2026-07-02 04:00:15 Asia\/(Kolkata|Calcutta)/);
  expect(page).toContain(`startTime=${at / 1000}`);
  expect(await filtered(reader, "from=2026-07-02T04:00:16&until=2026-07-02T05:00")).toContain("No events match");
});

it("folds the events of one update under its name, and never a refusal", async () => {
  await newOrgToken(world, "other");
  const update = await startUpdate(ci.tokenValue);
  await ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
  await ok("GET", "/api/stacks/acme/web/dev/export", { token: ci.tokenValue });
  await settledLog();
  const page = await shown(admin.get(HERE));
  const fold = /<details><summary class="event">.*?<\/details>/s.exec(page)![0];
  expect(fold.replaceAll(/<[^>]*>/g, "")).toMatch(/Update 1 of web\/dev: \d events/);
  expect(fold).toContain('href="/acme/web/dev/updates/1"');
  for (const event of ["Stack Update Started", "Stack Update Completed", "Stack Exported"]) expect(fold).toContain(event);
  expect(fold).not.toContain("refused");
  expect(page).toContain('<li class="event refused">');
  // A filter for one kind of event shows single events, and no groups.
  expect(await shown(admin.get(`${HERE}?eventFilter=stack-update-started`))).not.toContain("<details><summary class");
});

it("has links for common questions, and counts events and refusals by day", async () => {
  const page = await shown(admin.get(HERE));
  expect(page).toContain(`href="${HERE}?refusalsOnly=true"`);
  expect(page).toMatch(/Events by day: \d+ events, 1 refused/);
  const production = /href="([^"]*prod\*[^"]*startTime[^"]*)"/.exec(page.replaceAll("%2A", "*"))![1]!.replaceAll("&amp;", "&");
  expect(await shown(admin.get(production))).toMatch(/aria-current="true">Production last night/);
  expect(await shown(admin.get(`${HERE}?refusalsOnly=true`))).not.toContain("Events by day");
});

it("reads no more rows of a large log than of a small one", async () => {
  const insert = (from: number, to: number) =>
    env.DB.prepare(
      `INSERT INTO audit_events (id, org_id, at, event, description, source_ip, user_login, user_name, token_id, token_name, stack,
         req_org_admin, req_stack_admin, auth_failure, seq, prev_hash, hash)
       SELECT 'e-' || value, ?2, ?3 - value * 1000, 'stack-exported', 'Exported the state.', '203.0.113.1', 'ada', '', 't', 't', 'web/dev', 0, 0, 0,
         1000000 - value, '', '' FROM json_each(?1)`,
    )
      .bind(JSON.stringify(Array.from({ length: to - from }, (_, i) => from + i)), orgId, Date.now())
      .run();
  await insert(0, 300);
  const rowsRead = countRowsRead();
  await shown(admin.get(HERE));
  const small = rowsRead();
  await insert(300, 5000);
  await shown(admin.get(HERE));
  expect(rowsRead() - small).toBeLessThanOrEqual(small + 20);
});

it("offers the events that are recorded as a filter, and not those of features that are to come", async () => {
  const page = await shown(admin.get(HERE));
  const offered = [...page.matchAll(/<option value="([a-z-]+)"/g)].map(([, event]) => event);
  expect(offered).toEqual(
    expect.arrayContaining([
      "stack-created",
      "organization-token-enabled",
      "auth-failure-token-scope",
      "user-login",
      "team-created",
      "custom-role-updated",
      "oidc-issuer-registered",
    ]),
  );
  expect(offered).not.toContain("oidc-issuer-validation-failed");
  // A link may still name it.
  expect(await shown(admin.get(`${HERE}?eventFilter=oidc-issuer-validation-failed`))).toContain("No events match");
});

it("distinguishes a person from a machine when the person has the organization's name", async () => {
  const { tokenValue } = await ok<NewToken>("POST", "/api/user/tokens", { token: world.admin, json: {} });
  await env.DB.prepare("UPDATE users SET login = 'acme', name = 'acme' WHERE login = 'ada'").run();
  const acme = await signIn(tokenValue);
  await acme.post("/acme/~/tokens/new", { name: "by-session" });
  await ok("POST", "/api/orgs/acme/tokens", { token: tokenValue, json: { name: "by-token" } });
  await newStack(ci.tokenValue, "web", "by-machine");
  await settledLog();
  const list = await shown(acme.get(HERE));
  for (const [what, byPerson] of [
    ["by-session", true],
    ["by-token", true],
    ["by-machine", false],
  ] as const) {
    const row = list.split('<li class="event').find((text) => text.includes(what))!;
    expect([what, row.includes('<span class="line">acme</span>')]).toEqual([what, byPerson]);
    const record = await shown(acme.get(/href="([^"]*\/audit\/\d+)"/.exec(row)![1]!));
    expect([what, record.includes("userFilter=acme"), record.includes("a token of the organization")]).toEqual([what, byPerson, !byPerson]);
  }
});

it("says what is wrong with a filter, and keeps it", async () => {
  expect(await shown(admin.get(`${HERE}?startTime=never`), 400)).toContain("Please correct");
  expect(await shown(admin.get(`${HERE}?userFilter=%3Cb%3Enobody`), 400)).toContain("&lt;b&gt;nobody");
  await shown(admin.get(`${HERE}?continuationToken=%3C`), 400);
});

it("shows one record with its place in the chain, at an address that stays", async () => {
  expect(await shown(admin.get(`${HERE}/2`))).toContain("Verified: its hash matches");
  await shown(admin.get(`${HERE}/999`), 404);
  await shown(admin.get(`${HERE}/99999999999999999999`), 404);
  await env.DB.prepare("UPDATE audit_events SET description = 'nothing' WHERE seq = 2").run();
  expect(await shown(admin.get(`${HERE}/2`))).toContain("Not verified: its hash does not match its content");
});

it("links each record to the one before it and the one after it, where there is one", async () => {
  const last = (await env.DB.prepare(
    "SELECT max(seq) AS seq FROM audit_events WHERE org_id IN (SELECT id FROM organizations)",
  ).first<number>("seq"))!;
  expect(await shown(admin.get(`${HERE}/${last - 1}`))).toContain(`href="${HERE}/${last}"`);
  expect(await shown(admin.get(`${HERE}/${last}`))).not.toContain(`href="${HERE}/${last + 1}"`);
});

it("says when to the second, in the list and in the record", async () => {
  for (const path of [HERE, `${HERE}/2`]) {
    const page = await shown(admin.get(path));
    expect(page).toContain("<time");
    expect(page).not.toContain("data-relative");
  }
});

it("verifies the chain, and names the first record that was changed", async () => {
  expect(await shown(admin.get(`${HERE}/verify`))).toContain("Verified: every record");
  await env.DB.prepare("UPDATE audit_events SET description = 'nothing' WHERE seq = 2").run();
  const page = await shown(admin.get(`${HERE}/verify`));
  expect(page).toContain("The log was changed. Record 2");
  expect(page).toContain(`${HERE}/2`);
});

it("says that a checkpoint is missing, and that the key of one is not listed", async () => {
  const verified = () => shown(admin.get(`${HERE}/verify`));
  expect(await verified()).toContain("Without a verified checkpoint, a rewrite of the whole chain");
  await signCheckpoints(env as Bindings, Date.UTC(2026, 0, 1));
  const page = await verified();
  expect(page).toContain("and 1 signed checkpoint");
  expect(page).not.toContain("Without a verified checkpoint");
  const { objects } = await env.STATE.list({ prefix: "audit/checkpoints/" });
  const key = objects.find((object) => object.key.includes(orgId))!.key;
  const checkpoint = await (await env.STATE.get(key))!.json<object>();
  await env.STATE.put(key, JSON.stringify({ ...checkpoint, keyId: "<99>" }));
  expect(await verified()).toContain(
    "1 signed checkpoint cannot be verified, because the key is no longer listed. First fault: the checkpoint of",
  );
  expect(await verified()).toContain("signed with key &lt;99&gt;, which is not listed");
  await env.STATE.delete(key);
  expect(await verified()).toContain("1 signed checkpoint is missing. First fault: the checkpoint of 2026-01-01 is missing");
});

it.each(["csv", "cef", "jsonl", "ocsf"])("exports %s as a file", async (format) => {
  const file = await admin.get(`${HERE}/export?format=${format}&refusalsOnly=true`);
  expect(file.status).toBe(200);
  expect(file.headers.get("Content-Disposition")).toMatch(new RegExp(`^attachment; filename="audit-.*\\.${format}"$`));
  const text = await file.text();
  expect(text).not.toBe("");
});

it("stays below 100 KB with 100 rows", async () => {
  const row = env.DB.prepare(
    `INSERT INTO audit_events (id, org_id, at, event, description, source_ip, user_login, user_name, token_id, token_name, stack,
       req_org_admin, req_stack_admin, auth_failure)
     SELECT lower(hex(randomblob(16))), id, 9000000000000, 'organization-token-created-for-oidc-issuer', ?, '2001:db8::1234', 'somebody', '',
       '01234567-89ab-cdef-0123-456789abcdef', 'jenkins-production-deployments', 'infrastructure/production', 0, 0, 1
     FROM organizations WHERE name = 'acme'`,
  ).bind("Updated stack acme/infrastructure/production with a message of some length. ".repeat(2));
  await env.DB.batch(Array.from({ length: 100 }, () => row));
  const page = await shown(admin.get(HERE));
  expect(page.split('<li class="event refused">')).toHaveLength(101);
  expect(page.length).toBeLessThan(100_000);
});

it("shows what the daily check found, on the page of the log", async () => {
  const now = Date.now();
  const check = async (day: number) => {
    while ((await checkChains(env as Bindings, now + day * 86_400_000)) > 0);
  };
  await check(0);
  expect(await shown(admin.get(HERE))).not.toContain("The daily check found");
  await env.DB.prepare("UPDATE audit_events SET user_login = 'gus' WHERE org_id = ? AND seq <= 2").bind(orgId).run();
  await check(1);
  const page = await shown(admin.get(HERE));
  expect(page).toContain("The daily check found 2 faults in this log");
  expect(page).toContain(`<a href="${HERE}/2">Record 2</a>: its hash does not match its content.`);
  expect(page).toContain('role="alert"');
});
