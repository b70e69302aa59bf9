import { createExecutionContext, createMessageBatch, getQueueResult, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { runCron } from "../../src/app/cron.ts";
import { signCheckpoints } from "../../src/audit/checkpoint.ts";
import { auditEvent } from "../../src/audit/record.ts";
import { REPLAY_REQUEST } from "../../src/audit/replay.ts";
import { nobody } from "../../src/audit/behalf.ts";
import { newTokenValue, readTokenValue } from "../../src/auth/secret.ts";
import { atPlace, newIdAt, placeOf, placesOf } from "../../src/db/places.ts";
import type { Bindings } from "../../src/env.ts";
import worker from "../../src/index.ts";
import { readRoundTrips } from "../../src/metrics/roundTrips.ts";
import { coordinatorName } from "../../src/stacks/path.ts";
import { SAFE_AGE } from "../../src/sweeps/objects.ts";
import { sweep } from "../../src/sweeps/sweep.ts";
import { type Call, call, ok, refused } from "../support/client.ts";
import { eventually, laterBy } from "../support/clock.ts";
import { component, deploymentOf } from "../support/deployment.ts";
import { breakDatabase } from "../support/faults.ts";
import { objectKeys } from "../support/stored.ts";
import { Destination, hookTo, reachable } from "../webhooks/support/hooks.ts";
import {
  type Organization,
  at,
  breakSecond,
  databaseOf,
  inEach,
  newStackIn,
  organizations,
  others,
  pepper,
  rowsOf,
  settled,
  stackOf,
  startIn,
  twoDatabases,
  updateIn,
  urnsIn,
  world,
} from "./support/twoDatabases.ts";

const bindings = env as unknown as Bindings;
twoDatabases();

describe("a token's value and an organization's id", () => {
  it("name their place", async () => {
    for (const place of [1, 2, 3, 50]) {
      expect(placeOf(newIdAt(place))).toBe(place);
      expect(placeOf(`${newIdAt(place)}/web/dev`)).toBe(place);
      const { value, hash } = await newTokenValue(pepper(), place);
      expect(value).toMatch(/^pul-[0-9a-f]{40}$/);
      expect(await readTokenValue(["0".repeat(40), ...pepper()], value)).toEqual({ hash, place });
    }
    expect(newIdAt(2)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8002-[0-9a-f]{4}-[0-9a-f]{12}$/);
    for (const id of ["", "acme", crypto.randomUUID(), "4f0e5f5c-0000-4002-8000-000000000000/web/dev"]) expect(placeOf(id)).toBe(1);
  });

  it("are of the directory alone in a deployment with one database", () => {
    const { DB_2: _, ...one } = env;
    expect(placesOf(one as unknown as Bindings)).toEqual([1]);
    const many = { ...one, DB_12: env.DB, DB_3: env.DB, DB_1: env.DB, DB_99: env.DB, DB_X: env.DB };
    expect(placesOf(many as unknown as Bindings)).toEqual([1, 3, 12]);
  });
});

describe("organizations that alternate between two databases", () => {
  it("have their stacks, updates, uses and audit logs in their own database, and nothing in the other one", async () => {
    await inEach(newStackIn);
    await inEach((org) => updateIn(org));
    await inEach((org) => ok("POST", `${stackOf(org)}/import`, { token: org.token, json: deploymentOf([component(`${org.name}-b`)]) }));
    await inEach((org) => updateIn(org, "c"));
    for (const org of organizations) {
      expect(await urnsIn(org)).toEqual([component(`${org.name}-b`).urn, component(`${org.name}-c`).urn]);
      const { token } = org;
      const { updates } = await ok<{ updates: { version: number }[] }>("GET", `${stackOf(org)}/updates`, { token });
      expect(updates.map(({ version }) => version)).toEqual([3, 2, 1]);
      const rows = await settled(org);
      expect(rows).toMatchObject({ stacks: 1, updates: 3, heads: 1 });
      expect(rows["used"]).toBeGreaterThan(0);
      expect(Object.values(await rowsOf(org, others(org)))).toEqual([0, 0, 0, 0, 0, 0]);
      expect(await ok("GET", `/api/orgs/${org.name}/auditlogs/verify`, { token })).toMatchObject({ valid: true, verified: rows["events"] });
    }
  });

  it("encrypt, tag, list, rename and delete with the same round trips in each database", async () => {
    const timed = async ({ token }: Organization, method: string, path: string, options: Call = {}) => {
      const response = await call(method, path, { token, ...options });
      expect(response.status, `${method} ${path}`).toBeLessThan(300);
      const timing = response.headers.get("Server-Timing") ?? "";
      return { ...readRoundTrips(timing), looked: /identity;desc="(\w+)"/.exec(timing)?.[1] };
    };
    const trips = await inEach(async (org) => {
      const [all, stack] = [`/api/stacks/${org.name}/web`, stackOf(org)];
      const seen = [await timed(org, "GET", "/api/user")];
      seen.push(await timed(org, "POST", all, { json: { stackName: "dev" } }));
      seen.push(await timed(org, "PATCH", `${stack}/tags`, { json: { team: org.name } }));
      const { ciphertext } = await ok<{ ciphertext: string }>("POST", `${stack}/encrypt`, {
        token: org.token,
        json: { plaintext: btoa(org.name) },
      });
      seen.push(await timed(org, "POST", `${stack}/decrypt`, { json: { ciphertext } }));
      seen.push(await timed(org, "GET", `/api/user/stacks?organization=${org.name}`));
      seen.push(await timed(org, "POST", `${stack}/rename`, { json: { newName: "prod" } }));
      seen.push(await timed(org, "DELETE", `${all}/prod`));
      return seen;
    });
    for (const seen of trips) expect(seen).toEqual(trips[0]);
    expect(trips[0]![0]).toMatchObject({ d1: 1, looked: "database" });
  });

  it("are closed to each other's tokens and to people, whichever database they are in", async () => {
    await inEach(newStackIn);
    for (const org of organizations) {
      for (const other of organizations.filter(({ id }) => id !== org.id)) await refused(404, "GET", stackOf(other), { token: org.token });
      await refused(404, "GET", stackOf(org), { token: world.admin });
    }
  });

  it("have the refusal of a lease in their own log", async () => {
    await inEach(newStackIn);
    for (const org of organizations) {
      const { path, lease } = await startIn(org);
      const elsewhere = path.replace(`/${org.name}/`, "/elsewhere/");
      await refused(403, "PATCH", `${elsewhere}/journalentries`, { lease, json: { entries: [] } });
      await settled(org);
      const refusals = "SELECT count(*) AS n FROM audit_events WHERE org_id = ? AND event = 'auth-failure-stack-permission'";
      expect(await databaseOf(org).prepare(refusals).bind(org.id).first("n")).toBe(1);
    }
  });

  it("end updates whose client never comes back, by the alarm of the stack's object", async () => {
    await inEach(newStackIn);
    const started = await inEach(startIn);
    laterBy(331_000);
    for (const [i, org] of organizations.entries()) {
      const name = coordinatorName(org.id, { projectName: "web", stackName: "dev" });
      expect(await runDurableObjectAlarm(env.STACKS.get(env.STACKS.idFromName(name)))).toBe(true);
      expect(await ok("GET", started[i]!.path, { token: org.token })).toMatchObject({ status: "failed" });
    }
  });

  it("rotate their tokens: the successor is in the same place", async () => {
    for (const org of organizations) {
      const { tokenValue } = await ok<{ tokenValue: string }>("POST", "/api/user/token/rotate", {
        token: org.token,
        json: { overlap: 3600 },
      });
      expect((await readTokenValue(pepper(), tokenValue))!.place).toBe(org.place);
      expect(await ok("GET", "/api/user", { token: tokenValue })).toMatchObject({ githubLogin: org.name });
    }
  });

  it("keep their tokens, updates and objects when their name changes", async () => {
    await inEach(newStackIn);
    await inEach((org) => updateIn(org));
    for (const org of organizations) {
      const name = `new-${org.name}`;
      await databaseOf(org)
        .prepare("UPDATE organizations SET name = ?, settings_version = settings_version + 1 WHERE id = ?")
        .bind(name, org.id)
        .run();
      // A cached identity has the old name for up to a minute.
      for (const { name: key } of (await env.TOKEN_CACHE.list()).keys) await env.TOKEN_CACHE.delete(key);
      await updateIn({ ...org, name }, "b");
      expect(await urnsIn({ ...org, name })).toEqual([component(`${name}-b`).urn, component(`${org.name}-a`).urn].sort());
      await refused(404, "GET", stackOf(org), { token: org.token });
    }
  });
});

describe("webhooks", () => {
  it("send what happens in their own database, and note there how they are", async () => {
    const destination = new Destination(9391);
    reachable(destination);
    const hooks = ({ name }: Organization) => `/api/orgs/${name}/hooks`;
    await inEach((org) =>
      ok("POST", hooks(org), {
        token: org.token,
        json: hookTo(`${destination.url}/${org.name}`, { organizationName: org.name, name: "all", groups: ["stacks"] }),
      }),
    );
    destination.answer = () => new Response("not now", { status: 500 });
    await inEach(newStackIn);
    for (const org of organizations) {
      const row = () =>
        databaseOf(org)
          .prepare("SELECT id, failing_since FROM webhooks WHERE org_id = ?")
          .bind(org.id)
          .first<{ id: string; failing_since: number | null }>();
      await eventually(async () => expect((await row())!.failing_since).not.toBeNull());
      expect(placeOf((await row())!.id)).toBe(org.place);
      destination.answer = () => new Response("ok");
      expect(await ok("POST", `${hooks(org)}/all/ping`, { token: org.token })).toMatchObject({ responseCode: 200 });
      expect(await row()).toMatchObject({ failing_since: null });
      destination.answer = () => new Response("not now", { status: 500 });
    }
    for (const { name } of organizations)
      expect(destination.arrived.filter(({ url }) => url.endsWith(`/${name}`)).length).toBeGreaterThanOrEqual(2);
  });
});

describe("the end of a token", () => {
  it("takes effect at once in its own database, although the cache still has the token", async () => {
    await inEach(newStackIn);
    for (const org of organizations) {
      await databaseOf(org).prepare("UPDATE access_tokens SET deleted_at = 1 WHERE id = ?").bind(org.tokenId).run();
      await refused(401, "PATCH", `${stackOf(org)}/tags`, { token: org.token, json: { team: "a" } });
      expect(await databaseOf(org).prepare("SELECT count(*) AS n FROM stack_tags WHERE name = 'team'").first("n")).toBe(0);
    }
  });

  it("follows from a report of a leak, and the log of its organization tells it", async () => {
    for (const org of organizations) {
      await ok("POST", "/api/token-leaks", { json: { token: org.token } });
      await refused(401, "GET", "/api/user", { token: org.token });
      await settled(org);
      const events = await databaseOf(org).prepare("SELECT event FROM audit_events WHERE org_id = ?").bind(org.id).all<{ event: string }>();
      expect(events.results.map(({ event }) => event)).toContain("token-leak-reported");
    }
  });

  it("is not undone by a row with its hash in the other database", async () => {
    for (const org of organizations) {
      const { hash } = (await readTokenValue(pepper(), org.token))!;
      const elsewhere = organizations.find(({ place }) => place !== org.place)!;
      const setHash = (db: D1Database, to: string, id: string) =>
        db.prepare("UPDATE access_tokens SET hash = ? WHERE id = ?").bind(to, id).run();
      await setHash(databaseOf(org), `gone ${org.name}`, org.tokenId);
      await setHash(others(org), hash, elsewhere.tokenId);
      await refused(401, "GET", "/api/user", { token: org.token });
      await setHash(others(org), (await readTokenValue(pepper(), elsewhere.token))!.hash, elsewhere.tokenId);
    }
  });

  it("is not undone by check digits of another place", async () => {
    const { token } = at(2);
    const { value } = await newTokenValue(pepper(), 1);
    await refused(401, "GET", "/api/user", { token: token.slice(0, 36) + value.slice(36) });
  });
});

describe("a database that is not bound", () => {
  it("is a 503 for its organizations, and nothing for the others", async () => {
    await inEach(newStackIn);
    const started = await startIn(at(2));
    await eventually(async () => expect((await env.TOKEN_CACHE.list()).keys.length).toBeGreaterThanOrEqual(4));
    delete env.DB_2;
    for (const { token, name } of organizations.filter(({ place }) => place === 2)) {
      // The identity of the caller may be cached, but nothing is read or written for it.
      for (const [method, path, json] of [
        ["GET", `/api/stacks/${name}/web/dev/export`, undefined],
        ["PATCH", `/api/stacks/${name}/web/dev/tags`, { team: "a" }],
        ["GET", `/api/orgs/${name}/auditlogs/verify`, undefined],
      ] as const)
        expect(await refused(503, method, path, { token, json })).toBe(
          "Service Unavailable: the organization's database is not available, try again",
        );
    }
    await refused(503, "POST", `${started.path}/complete`, { lease: started.lease, json: { status: "succeeded" } });
    await updateIn(at(1));
    await runCron(bindings, Date.now());
    env.DB_2 = env.SECOND;
    await ok("POST", `${started.path}/complete`, { lease: started.lease, json: { status: "succeeded" } });
  });

  it("or fails stops no other one, not even if it is the directory", async () => {
    await inEach(newStackIn);
    const mend = breakDatabase();
    await refused(503, "PATCH", `${stackOf(at(1))}/tags`, { token: at(1).token, json: { team: "a" } });
    await updateIn(at(2));
    mend();
    expect(await urnsIn(at(2))).toEqual([component(`${at(2).name}-a`).urn]);
  });

  it("delays the events of its organizations only, and a replay writes each into its own log", async () => {
    const events = organizations.map(({ id }) =>
      auditEvent({ now: Date.now(), address: "" }, id, nobody, { event: "stack-created", description: "" }),
    );
    const messages = events.map((body, i) => ({ id: String(i), timestamp: new Date(), attempts: 1, body: JSON.stringify(body) }));
    const [mine, theirs] = [1, 2].map((place) => organizations.flatMap((org, i) => (org.place === place ? String(i) : [])));
    delete env.DB_2;
    for (const queue of ["stackpass-audit", "stackpass-audit-dead"]) {
      const batch = createMessageBatch(queue, messages);
      await worker.queue(batch, bindings);
      const result = await getQueueResult(batch, createExecutionContext());
      expect(result.explicitAcks.sort()).toEqual(mine);
      expect(result.retryMessages.map(({ msgId }) => msgId).sort()).toEqual(theirs);
    }
    env.DB_2 = env.SECOND;
    await env.STATE.put(REPLAY_REQUEST, "");
    await runCron(bindings, Date.now());
    for (const org of organizations) {
      expect(await rowsOf(org, databaseOf(org))).toMatchObject({ events: 1, heads: 1 });
      expect(await rowsOf(org, others(org))).toMatchObject({ events: 0, heads: 0 });
    }
  });
});

describe("the cron", () => {
  const NOW = Date.UTC(2030, 0, 1, 12, 1);
  const checkpoints = async () => (await objectKeys()).filter((key) => key.startsWith("audit/checkpoints/"));
  const signed =
    ({ id }: Organization) =>
    (keys: string[]) =>
      keys.some((key) => key.includes(id));

  it("signs, archives and relays in each database", async () => {
    await inEach(newStackIn);
    await inEach(settled);
    await runCron(bindings, NOW);
    for (const org of organizations) {
      expect(signed(org)(await checkpoints())).toBe(true);
      expect((await objectKeys()).some((key) => key.startsWith(`audit/archive/${org.id}/`))).toBe(true);
      expect(await rowsOf(org, databaseOf(org))).toMatchObject({ events: 0 });
      expect(await ok("GET", `/api/orgs/${org.name}/auditlogs/verify`, { token: org.token })).toMatchObject({ valid: true });
      const done = await databaseOf(org).prepare("SELECT count(*) AS n FROM measures WHERE name = 'cron'").first<number>("n");
      expect(done).toBeGreaterThan(5);
    }
  });

  it("does its work in a database while another one fails", async () => {
    await inEach(newStackIn);
    await inEach(settled);
    const mend = breakSecond();
    await runCron(bindings, NOW);
    mend();
    const keys = await checkpoints();
    expect(organizations.map((org) => signed(org)(keys))).toEqual([true, false, true, false]);
    await runCron(bindings, NOW);
    const later = await checkpoints();
    expect(organizations.every((org) => signed(org)(later))).toBe(true);
  });

  it("does all work in the directory that concerns no other database, while another one hangs", async () => {
    const [org] = organizations as [Organization];
    await env.DB.prepare("UPDATE organizations SET disable_unused_tokens_after_days = 1 WHERE id = ?").bind(org.id).run();
    const hangs = { prepare: (query: string) => env.SECOND.prepare(query), batch: () => new Promise(() => undefined) };
    const spy = vi.spyOn(env.SECOND, "withSession").mockReturnValue(hangs as unknown as D1DatabaseSession);
    void runCron(bindings, Date.UTC(2030, 0, 1, 12, 0));
    await eventually(async () =>
      expect(await env.DB.prepare("SELECT disabled_reason FROM access_tokens WHERE id = ?").bind(org.tokenId).first()).toEqual({
        disabled_reason: "unused",
      }),
    );
    spy.mockRestore();
  });

  it("deletes no object while a database that it knows is missing, or another one has its binding", async () => {
    await inEach(newStackIn);
    await inEach((org) => updateIn(org));
    await runCron(bindings, NOW);
    await env.STATE.put("state/1f0a", "{}");
    const before = (await objectKeys()).filter((key) => key.startsWith("state/"));
    expect(before).toHaveLength(5);
    for (const bound of [undefined, env.DB]) {
      if (bound) env.DB_2 = bound;
      else delete env.DB_2;
      await runCron(bindings, Date.now() + 2 * SAFE_AGE);
      expect((await objectKeys()).filter((key) => key.startsWith("state/"))).toEqual(before);
    }
    env.DB_2 = env.SECOND;
    await runCron(bindings, Date.now() + 2 * SAFE_AGE);
    expect((await objectKeys()).filter((key) => key.startsWith("state/"))).toEqual(before.filter((key) => key !== "state/1f0a"));
    for (const org of organizations) expect(await urnsIn(org)).toEqual([component(`${org.name}-a`).urn]);
  });

  it("deletes no object beside a new directory, although the other databases are as before", async () => {
    await inEach(newStackIn);
    await inEach(settled);
    for (const place of [1, 2]) await signCheckpoints(atPlace(bindings, place), NOW);
    const known = await checkpoints();
    await env.STATE.delete(organizations.flatMap((org) => (org.place === 1 ? known.filter((key) => key.includes(org.id)) : [])));
    await env.STATE.put("state/1f0a", "{}");
    const later = Date.now() + 2 * SAFE_AGE;
    for (const [id, why] of [
      [newIdAt(1), "other organizations than those in the database of place 1"],
      [newIdAt(3), "the organization's database is not available"],
    ] as const) {
      const key = `audit/checkpoints/${id}/2029-12-31.json`;
      await env.STATE.put(key, "{}");
      await expect(sweep(bindings, later)).rejects.toThrow(why);
      expect(await objectKeys()).toContain("state/1f0a");
      await env.STATE.delete(key);
    }
    expect((await sweep(bindings, later)).objects).toBe(1);
  });

  it("deletes an object only if no database names it, and none while a database does not answer", async () => {
    await inEach(newStackIn);
    await inEach((org) => updateIn(org));
    await env.STATE.put("state/1f0a", "{}");
    const mend = breakSecond();
    await runCron(bindings, Date.now() + 2 * SAFE_AGE);
    expect(await objectKeys()).toContain("state/1f0a");
    mend();
    await runCron(bindings, Date.now() + 2 * SAFE_AGE);
    expect(await objectKeys()).not.toContain("state/1f0a");
    for (const org of organizations) expect(await urnsIn(org)).toEqual([component(`${org.name}-a`).urn]);
  });
});
