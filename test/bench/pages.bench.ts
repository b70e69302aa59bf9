/**
 * `npm run bench:lists`: pages of the console over 5,000 stacks with an update each, 5,000 tokens and members, a stack with 10,000 resources, and
 * 10^5 audit events (10^6 with `LISTS_SCALE=1`). Prints the median time to the answer, its size, and the rows that D1 read with 3,000 events and
 * with all. The Worker and the database are in one process, so the times have no network in them.
 */
import { env } from "cloudflare:workers";
import { it } from "vitest";
import { settledLog } from "../support/audit.ts";
import { shown, signIn } from "../support/browser.ts";
import { ok } from "../support/client.ts";
import { component, deploymentOf, rootStack } from "../support/deployment.ts";
import { countRowsRead } from "../support/rows.ts";
import { newStack, newWorld } from "../support/world.ts";

const scale = Number(env.LISTS_SCALE);
const ROUNDS = 7;
const COUNT = Math.ceil(5000 * Math.min(1, scale * 10));
const FEW_EVENTS = 3000;
const EVENTS = Math.max(FEW_EVENTS, Math.ceil(1_000_000 * scale));
const RESOURCES = Math.ceil(10_000 * Math.min(1, scale * 10));

const fill = (count: number, sql: string, ...values: unknown[]) => fillFrom(0, count, sql, ...values);

async function fillFrom(first: number, count: number, sql: string, ...values: unknown[]): Promise<void> {
  for (let n = first; n < count; n += 5000) {
    const numbers = JSON.stringify(Array.from({ length: Math.min(5000, count - n) }, (_, i) => n + i));
    await env.DB.prepare(sql)
      .bind(numbers, ...values)
      .run();
  }
}

it("pages", async () => {
  const world = await newWorld();
  await newStack(world.admin);
  const orgId = (await env.DB.prepare("SELECT id FROM organizations WHERE name = 'acme'").first<string>("id"))!;
  const now = Date.now();
  const many = Array.from({ length: RESOURCES - 1 }, (_, i) => ({
    ...component(`thing-${i}`, { size: i, tags: { team: "platform", cost: "1234" }, text: "x".repeat(600) }),
    parent: rootStack.urn,
    custom: true,
    id: `i-${i}`,
    ...(i > 0 && { dependencies: [component(`thing-${i % 7}`).urn] }),
  }));
  const state = deploymentOf([rootStack, ...many]);
  await ok("POST", "/api/stacks/acme/web/dev/import", { token: world.admin, json: state });
  await fill(
    COUNT,
    `INSERT INTO stacks (id, org_id, project, name, version, active_update, last_update_at, resource_count, created_at)
     SELECT 's' || value, ?2, 'project-' || (value % 100), 'stack-' || value, 1, 'u' || value, ?3 - value * 1000, 7, 0 FROM json_each(?1)`,
    orgId,
    now,
  );
  await fill(
    COUNT,
    `INSERT INTO updates (id, stack_id, kind, dry_run, status, version, message, environment, config, requested_by, token_id, token_name, created_at,
       started_at, ended_at)
     SELECT 'u' || value, 's' || value, 'update', 0, CASE WHEN value % 90 = 0 THEN 'failed' ELSE 'succeeded' END, 1, 'A change', '{}', '{}', 'ada', '',
       'jenkins', 0, ?2, ?2 FROM json_each(?1)`,
    now,
  );
  await fill(
    COUNT,
    `INSERT INTO access_tokens (id, kind, org_id, name, description, hash, created_at, created_by, expires_at)
     SELECT 't' || value, 'organization', ?2, 'token-' || value, 'deploys', 'hash-' || value, ?3 - value * 10000000, 'ada', ?3 + value * 10000000
     FROM json_each(?1)`,
    orgId,
    now,
  );
  await fill(COUNT, "INSERT INTO users (id, login, name, created_at) SELECT 'p' || value, 'person-' || value, 'P', 1 FROM json_each(?1)");
  await fill(
    COUNT,
    "INSERT INTO members (org_id, user_id, role, created_at) SELECT ?2, 'p' || value, 'member', 1 FROM json_each(?1)",
    orgId,
  );
  // A year of events, 30 seconds apart with 10^6 of them: the newest comes first. One stack in 50 is a production stack.
  const events = (from: number, to: number) =>
    fillFrom(
      from,
      to,
      `INSERT INTO audit_events (id, org_id, at, event, description, source_ip, user_login, user_name, token_id, token_name, stack, req_org_admin,
         req_stack_admin, auth_failure, seq, prev_hash, hash)
       SELECT 'e' || value, ?2, ?3 - value * 30000, CASE value % 20 WHEN 3 THEN 'stack-deleted' ELSE 'stack-update-started' END,
         'Started an update of stack "acme/project-1/' || iif(value % 50 = 1, 'production', 'stack-' || (value % 1000)) || '".',
         '203.0.113.' || (value % 100), 'person-' || (value % 50), 'P', 't' || (value % 100), 'token-' || (value % 100),
         'project-1/' || iif(value % 50 = 1, 'production', 'stack-' || (value % 1000)), 0, 0, value % 70 = 0, 2000000 - value, '', ''
       FROM json_each(?1)`,
      orgId,
      now,
    );
  await settledLog();
  await events(0, FEW_EVENTS);
  await env.DB.prepare("UPDATE audit_heads SET seq = 2000000 WHERE org_id = ?").bind(orgId).run();
  const admin = await signIn(world.admin);
  const rowsRead = countRowsRead();
  const resource = `/acme/web/dev/resource?urn=${encodeURIComponent(component("thing-5000").urn)}`;
  const at = (hoursAgo: number) => Math.floor(now / 1000) - hoursAgo * 3600;
  const paths = [
    "/acme",
    ...["", "?sort=name", "?status=failed", "?search=stack-49", "?tag=team"].map((query) => `/acme/~/stacks${query}`),
    "/acme/project-7",
    "/acme/~/search?q=stack-49",
    "/acme/~/search?q=nothing-is-called-so",
    ...["", "?filter=soon&sort=expires", "?search=token-77", "/t7", "/t7/delete", "/t7?used"].map((rest) => `/acme/~/tokens${rest}`),
    "/acme/~/audit",
    ...[
      "refusalsOnly=true",
      `refusalsOnly=true&startTime=${at(24)}`,
      "textFilter=prod*",
      `textFilter=prod*&startTime=${at(26)}&endTime=${at(12)}`,
      "eventFilter=stack-deleted",
      "eventFilter=user-login",
      "tokenFilter=token-7",
      "stackFilter=project-1/stack-7",
      "userFilter=person-7",
    ].map((query) => `/acme/~/audit?${query}`),
    "/acme/~/audit/1999000",
    ...[
      "members",
      "members/invites",
      "members/person-7/role",
      "members/person-7/remove",
      "teams",
      "roles",
      "roles/admin",
      "settings",
      "numbers",
    ].map((place) => `/acme/~/${place}`),
    ...["oidc", "streams", "webhooks", "sso", "scim"].map((place) => `/acme/~/${place}`),
    "/acme/web/dev",
    "/acme/web/dev/access",
    "/acme/web/dev/resources",
    "/acme/web/dev/resources?view=list&from=9001",
    "/acme/web/dev/resources?filter=thing-77",
    resource,
    "/user/settings/tokens",
    "/user/settings/sessions",
  ];
  const measure = async (path: string, rounds: number) => {
    const times: number[] = [];
    let html = "";
    let rows = 0;
    for (let round = 0; round < rounds; round++) {
      const before = rowsRead();
      const started = performance.now();
      html = await shown(admin.get(path));
      times.push(performance.now() - started);
      rows = rowsRead() - before;
    }
    const median = times.sort((a, b) => a - b)[Math.floor(rounds / 2)]!;
    return { median, bytes: new TextEncoder().encode(html).length, rows };
  };
  const few = new Map<string, number>();
  for (const path of paths) few.set(path, (await measure(path, 1)).rows);
  const started = Date.now();
  await events(FEW_EVENTS, EVENTS);
  console.log(`filled ${EVENTS} events in ${Math.round((Date.now() - started) / 1000)} s`);
  const line = (name: string, { median, bytes, rows }: Awaited<ReturnType<typeof measure>>, least = rows) =>
    `${name.slice(0, 62).padEnd(64)} ${median.toFixed(0).padStart(5)} ms ${String(bytes).padStart(7)} bytes ${String(rows).padStart(7)} rows (small log: ${least})${rows > 1.5 * least + 50 ? " GROWS" : ""}${bytes > 100_000 ? " LARGE" : ""}`;
  const lines: string[] = [];
  for (const path of paths) lines.push(line(path, await measure(path, ROUNDS), few.get(path)));
  // The first view of each version reads the state.
  for (const path of ["/acme/web/dev/resources", resource]) {
    const times: number[] = [];
    for (let round = 0; round < 5; round++) {
      await ok("POST", "/api/stacks/acme/web/dev/import", { token: world.admin, json: state });
      times.push((await measure(path, 1)).median);
    }
    lines.push(`${path.slice(0, 50)}, the first view of a version: ${times.sort((a, b) => a - b)[2]!.toFixed(0)} ms`);
  }
  console.log(`\n${COUNT} stacks, ${EVENTS} events, ${RESOURCES} resources\n${lines.join("\n")}`);
});
