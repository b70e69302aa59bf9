/**
 * `npm run bench:lists`: pages of the console over 5,000 stacks with an update each, 5,000 tokens and members, 10^6 audit events, and a stack with 10,000
 * resources (`LISTS_SCALE=0.1` for a look). Prints the median time to the answer, its size, and the rows that D1 read. The Worker and the database are in one
 * process, so the times have no network in them.
 */
import { env } from "cloudflare:workers";
import { it } from "vitest";
import { shown, signIn } from "../support/browser.ts";
import { ok } from "../support/client.ts";
import { component, deploymentOf, rootStack } from "../support/deployment.ts";
import { countRowsRead } from "../support/rows.ts";
import { newStack, newWorld } from "../support/world.ts";

const scale = Number(env.LISTS_SCALE || "1");
const ROUNDS = 15;
const COUNT = Math.ceil(5000 * Math.min(1, scale * 10));
const EVENTS = Math.ceil(1_000_000 * scale);
const RESOURCES = Math.ceil(10_000 * Math.min(1, scale * 10));

async function fill(count: number, sql: string, ...values: unknown[]): Promise<void> {
  for (let n = 0; n < count; n += 5000) {
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
  await ok("POST", "/api/stacks/acme/web/dev/import", { token: world.admin, json: deploymentOf([rootStack, ...many]) });
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
  await fill(
    EVENTS,
    `INSERT INTO audit_events (id, org_id, at, event, description, source_ip, user_login, user_name, token_id, token_name, stack, req_org_admin,
       req_stack_admin, auth_failure, seq, prev_hash, hash)
     SELECT 'e' || value, ?2, ?3 - value * 1000, 'stack-deleted', 'Deleted', '', 'ada', '', '', '', '', 0, 0, value % 70 = 0, 1000000 + value, '', ''
     FROM json_each(?1)`,
    orgId,
    now,
  );
  const admin = await signIn(world.admin);
  const rowsRead = countRowsRead();
  const resource = `/acme/web/dev/resource?urn=${encodeURIComponent(component("thing-5000").urn)}`;
  const lines: string[] = [];
  for (const path of [
    "/acme",
    "/acme/~/stacks",
    "/acme/~/search?q=stack-49",
    "/acme/~/search?q=nothing-is-called-so",
    "/acme/web/dev/resources",
    "/acme/web/dev/resources?view=list&from=9001",
    "/acme/web/dev/resources?filter=thing-77",
    resource,
  ]) {
    const times: number[] = [];
    let html = "";
    let rows = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const before = rowsRead();
      const started = performance.now();
      html = await shown(admin.get(path));
      times.push(performance.now() - started);
      rows = rowsRead() - before;
    }
    const median = times.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)]!;
    lines.push(
      `${path.slice(0, 50).padEnd(52)} ${median.toFixed(0).padStart(5)} ms ${String(html.length).padStart(7)} bytes ${String(rows).padStart(6)} rows`,
    );
  }
  console.log(`\n${COUNT} stacks, ${EVENTS} events, ${RESOURCES} resources\n${lines.join("\n")}`);
});
