import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { newVisitor, shown, signIn } from "../support/browser.ts";
import { countRowsRead } from "../support/rows.ts";
import { newWorld } from "../support/world.ts";

const STACKS = 1200;

/** Every tenth stack has failed, and a hundred run. */
async function fill(orgId: string): Promise<void> {
  const numbers = JSON.stringify(Array.from({ length: STACKS }, (_, i) => i));
  await env.DB.batch([
    env.DB.prepare(
      `INSERT INTO stacks (id, org_id, project, name, version, active_update, running_update, last_update_at, created_at)
       SELECT 's' || value, ?2, 'project-' || (value % 40), 'stack-' || value, 1, 'u' || value, CASE WHEN value % 12 = 1 THEN 'u' || value END, value, 1
       FROM json_each(?1)`,
    ).bind(numbers, orgId),
    env.DB.prepare(
      `INSERT INTO updates (id, stack_id, kind, dry_run, status, version, message, environment, config, requested_by, token_id, token_name, created_at,
         started_at) SELECT 'u' || value, 's' || value, 'update', 0, CASE WHEN value % 12 = 1 THEN 'running' WHEN value % 10 = 0 THEN 'failed' ELSE 'succeeded' END,
         1, '', '{}', '{}', 'mel', 't', '', value, value FROM json_each(?1)`,
    ).bind(numbers),
  ]);
}

it("a page of many stacks reads its own rows, and two for each stack that is counted", async () => {
  const world = await newWorld();
  const orgId = (await env.DB.prepare("SELECT id FROM organizations WHERE name = 'acme'").first<string>("id"))!;
  const admin = await signIn(world.admin);
  await fill(orgId);
  await shown(admin.get("/acme/~/stacks"));
  const rowsRead = countRowsRead();
  const rowsOf = async (path: string) => {
    const before = rowsRead();
    const html = await shown(admin.get(path));
    return { rows: rowsRead() - before, html };
  };
  const first = await rowsOf("/acme/~/stacks");
  expect(first.html).toContain("1,200 stacks in 40 projects");
  const names = [...first.html.matchAll(/<th scope="row"><a href="[^"]*">([^<]*)/g)].map(([, name]) => name);
  expect(names.slice(0, 2)).toEqual(["project-29/stack-1189", "project-17/stack-1177"]);
  // The count reads each stack from an index, and once more to group the stacks. Two queries read the 50 rows of the page, with their
  // updates.
  expect(first.rows).toBeLessThan(2 * STACKS + 6 * 50 + 60);
  const last = await rowsOf("/acme/~/stacks?page=24");
  expect(last.rows).toBeLessThan(3 * STACKS + 6 * 50 + 60);
  const failed = await rowsOf("/acme/~/stacks?status=failed");
  expect(failed.html).toContain(" of 1,200 stacks in 40 projects");
  expect(failed.rows).toBeLessThan(7 * STACKS);
  const project = await rowsOf("/acme/project-7?status=failed");
  expect(project.rows).toBeLessThan(8 * (STACKS / 40) + 60);
  expect((await newVisitor().get("/acme/~/stacks")).status).toBe(303);
});
