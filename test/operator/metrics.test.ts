import { env } from "cloudflare:workers";
import { runDurableObjectAlarm } from "cloudflare:test";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { runCron } from "../../src/app/cron.ts";
import { DEAD_LETTERS } from "../../src/audit/deadLetters.ts";
import { openStore } from "../../src/db/client.ts";
import type { Bindings } from "../../src/env.ts";
import { flushRefusals } from "../../src/metrics/refusals.ts";
import type { DeploymentNumbers } from "../../src/operator/numbers.ts";
import type { OrganizationNumbers } from "../../src/operator/organization.ts";
import { settledLog } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { laterBy } from "../support/clock.ts";
import { breakDatabase, breakObjectReads, breakQueue } from "../support/faults.ts";
import { countRowsRead } from "../support/rows.ts";
import { type World, newOrgToken, newStack, newWorld, startUpdate } from "../support/world.ts";

const token = env.OPERATOR_TOKEN;
let world: World;
beforeEach(async () => {
  world = await newWorld();
  // Discards what this isolate has counted for earlier tests.
  await flushRefusals(openStore(env));
  await env.DB.exec("DELETE FROM measures");
});

async function numbers(organization = ""): Promise<DeploymentNumbers & { organization?: OrganizationNumbers }> {
  await flushRefusals(openStore(env));
  const response = await call("GET", `/api/metrics${organization && `?organization=${organization}`}`, {
    token,
    headers: { Accept: "application/json" },
  });
  expect(response.status).toBe(200);
  return response.json();
}

async function samples(query = ""): Promise<Map<string, number>> {
  const response = await call("GET", `/api/metrics${query}`, { headers: { Authorization: `Bearer ${token}` } });
  expect([response.status, response.headers.get("Content-Type")]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"]);
  const lines = (await response.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      expect(line).toMatch(/^stackpass_[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? -?\d+(\.\d+)?$/);
      return [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))];
    }),
  );
}

const acme = () => env.DB.prepare("SELECT id FROM organizations WHERE name = 'acme'").first<string>("id");

describe("the operator's credential", () => {
  const ask = (authorization: string) => ({ headers: { Authorization: authorization } });

  it("is the only one that opens the metrics, in whole", async () => {
    await ok("GET", "/api/capabilities");
    for (const wrong of ["", `Bearer ${token}x`, `Bearer ${token.slice(0, -1)}`, `Bearer ${token},${token}`, `token ${world.admin}`])
      await refused(401, "GET", "/api/metrics", ask(wrong));
    expect((await call("GET", "/api/metrics", ask(`Bearer ${token}`))).status).toBe(200);
  });

  it("may be one of two, while it is rotated", async () => {
    const other = "x".repeat(32);
    Object.assign(env, { OPERATOR_TOKEN: `${other}, ${token}` });
    onTestFinished(() => void Object.assign(env, { OPERATOR_TOKEN: token }));
    for (const value of [other, token]) expect((await call("GET", "/api/metrics", ask(`Bearer ${value}`))).status).toBe(200);
    await refused(401, "GET", "/api/metrics", ask(`Bearer ${other}, ${token}`));
  });

  it.each(["", " , ", "short"])("that is %j switches the route off", async (setting) => {
    Object.assign(env, { OPERATOR_TOKEN: setting });
    onTestFinished(() => void Object.assign(env, { OPERATOR_TOKEN: token }));
    const nowhere = await refused(404, "GET", "/api/nowhere");
    expect(await refused(404, "GET", "/api/metrics", ask("Bearer short"))).toBe(nowhere.replace("nowhere", "metrics"));
  });

  it("is guessed no more often than any other", async () => {
    const headers = { Authorization: "Bearer guess", "CF-Connecting-IP": "2001:db8::9e55" };
    const statuses = new Set<number>();
    // The limit is 100 in each minute of the clock, and a minute may end during this loop.
    for (let i = 0; i < 250; i++) statuses.add((await call("GET", "/api/metrics", { headers })).status);
    expect(statuses).toEqual(new Set([401, 429]));
  });
});

describe("the numbers", () => {
  it("are zero in a new deployment", async () => {
    expect(await numbers()).toEqual({
      organizations: 2,
      refusals: {},
      updates: { running: 0, oldestStartedAt: null, notStarted: 0, cutShort: {}, journalsKept: {} },
      audit: {
        outbox: 0,
        oldestPromisedAt: null,
        queued: expect.any(Number) as number,
        queuedDead: expect.any(Number) as number,
        deadLetters: 0,
        lastCheckpointDay: null,
        checkpointsOverdue: 0,
        chainsBroken: 0,
      },
      orphansDeleted: 0,
      cron: {},
    });
  });

  it("count refusals by reason, and write them once for many", async () => {
    for (let i = 0; i < 5; i++) await refused(401, "GET", "/api/user", { token: "pul-nobody" });
    await refused(403, "POST", "/api/orgs/acme/tokens", { token: world.member, json: { name: "x" } });
    await refused(404, "GET", "/api/stacks/acme/no/such", { token: world.member });
    expect((await numbers()).refusals).toEqual({ unknown_credential: 5, missing_right: 1, not_found: 1 });
    await refused(401, "GET", "/api/user", { token: "pul-nobody" });
    expect((await numbers()).refusals).toMatchObject({ unknown_credential: 6 });
    expect((await samples()).get('stackpass_refusals_total{reason="unknown_credential"}')).toBe(6);
  });

  it("of refusals wait for a database that is away", async () => {
    await refused(401, "GET", "/api/user");
    const mend = breakDatabase();
    await expect(flushRefusals(openStore(env))).rejects.toThrow("Service Unavailable");
    mend();
    expect((await numbers()).refusals).toEqual({ no_credential: 1 });
  });

  it("show what waits while the queue is away", async () => {
    breakQueue();
    const before = Date.now();
    await newOrgToken(world, "ci");
    const { audit } = await numbers();
    expect(audit.outbox).toBe(1);
    expect(audit.oldestPromisedAt).toBeGreaterThanOrEqual(before);
    laterBy(600_000);
    expect((await samples()).get("stackpass_audit_outbox_oldest_seconds")).toBeGreaterThanOrEqual(599);
  });

  it("show running updates, and updates that ended without a request of their client", async () => {
    await newStack(world.member);
    await startUpdate(world.member);
    expect((await numbers()).updates).toMatchObject({ running: 1, oldestStartedAt: expect.any(Number) as number, cutShort: {} });
    laterBy(600_000);
    expect(await runDurableObjectAlarm(env.STACKS.get(env.STACKS.idFromName(`${await acme()}/web/dev`)))).toBe(true);
    expect((await numbers()).updates).toEqual({
      running: 0,
      oldestStartedAt: null,
      notStarted: 0,
      cutShort: { expired: 1 },
      journalsKept: {},
    });
  });

  it("show dead letters, and checkpoints that are overdue until the cron comes", async () => {
    await newOrgToken(world, "ci");
    await settledLog();
    await env.STATE.put(`${DEAD_LETTERS}2026-01-01/1.json`, "{}");
    const before = (await numbers()).audit;
    expect(before).toMatchObject({ deadLetters: 1, lastCheckpointDay: null });
    // Events of an earlier test may still have arrived.
    expect(before.checkpointsOverdue).toBeGreaterThan(0);
    const now = Date.now();
    await runCron(env as Bindings, now);
    const { audit, cron } = await numbers();
    expect(audit).toMatchObject({ checkpointsOverdue: 0, lastCheckpointDay: new Date(now).toISOString().slice(0, 10) });
    expect(cron).toMatchObject({ relay: now, checkpoints: now, sweep: now });
  });

  it("do not report a failed task of the cron as successful", async () => {
    const list = vi.spyOn(env.STATE, "list").mockRejectedValue(new Error("list: Unspecified error (0)"));
    onTestFinished(() => list.mockRestore());
    await runCron(env as Bindings, Date.now());
    const { cron, audit } = await numbers();
    expect(Object.keys(cron)).not.toContain("sweep");
    expect(cron).toHaveProperty("relay");
    // A number that cannot be read is left out.
    expect(audit.deadLetters).toBeNull();
    expect([...(await samples()).keys()]).not.toContain("stackpass_audit_dead_letters");
    breakObjectReads();
  });

  it("are those of one organization when the request names it", async () => {
    await newOrgToken(world, "ci");
    await newStack(world.member);
    await refused(403, "POST", "/api/orgs/acme/tokens", { token: world.member, json: { name: "x" } });
    await settledLog();
    expect((await numbers("ACME")).organization).toEqual({
      name: "acme",
      members: 3,
      tokens: 1,
      stacks: 1,
      running: 0,
      auditEvents: 3,
      archivedEvents: 0,
      lastCheckpointDay: null,
      refusals: { "auth-failure-organization-role": 1 },
    });
    const found = await samples("?organization=acme");
    expect(found.get('stackpass_organization_refusals_last_day{organization="acme",event="auth-failure-organization-role"}')).toBe(1);
    expect([...(await samples()).keys()].join("\n")).not.toContain("acme");
    await refused(404, "GET", "/api/metrics?organization=nowhere", { token });
  });
});

it("reads no row more when the log and the history are long", async () => {
  await newOrgToken(world, "ci");
  await newStack(world.member);
  await settledLog();
  const rows = countRowsRead();
  const rowsOf = async () => {
    const before = rows();
    await samples("?organization=acme");
    return rows() - before;
  };
  const before = await rowsOf();
  const many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)";
  await env.DB.prepare(
    `${many} INSERT INTO audit_events (id, org_id, at, event, description, source_ip, user_login, user_name, token_id, token_name, stack,
       req_org_admin, req_stack_admin, auth_failure, seq, prev_hash, hash)
     SELECT 'e' || i, ?, i, 'stack-exported', '', '', 'mel', 'mel', 't', 't', '', 0, 0, i % 2, 1000 + i, '', '' FROM n`,
  )
    .bind(await acme())
    .run();
  await env.DB.prepare(
    `${many} INSERT INTO updates (id, stack_id, kind, dry_run, status, message, environment, config, requested_by, token_id, token_name,
       created_at, ended_at) SELECT 'u' || i, 's', 'update', 1, 'succeeded', '', '{}', '{}', 'mel', 't', 't', i, i FROM n`,
  ).run();
  const after = await rowsOf();
  expect(before).toBeLessThan(40);
  expect(after).toBe(before);
});
