import { createExecutionContext, createMessageBatch, getQueueResult, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { runCron } from "../../src/app/cron.ts";
import { nobody } from "../../src/audit/behalf.ts";
import { DEAD_LETTERS, keepDeadLetter } from "../../src/audit/deadLetters.ts";
import { auditEvent } from "../../src/audit/record.ts";
import { REPLAY_REQUEST } from "../../src/audit/replay.ts";
import { checkChains } from "../../src/auditlogs/check.ts";
import { readTokenValue } from "../../src/auth/secret.ts";
import { atPlace, newIdAt, placeOf } from "../../src/db/places.ts";
import { openStore } from "../../src/db/client.ts";
import type { Bindings } from "../../src/env.ts";
import worker from "../../src/index.ts";
import { flushRefusals } from "../../src/metrics/refusals.ts";
import type { DeploymentNumbers } from "../../src/operator/numbers.ts";
import type { OrganizationNumbers } from "../../src/operator/organization.ts";
import { sweep } from "../../src/sweeps/sweep.ts";
import { allowing, form, goodClaims, sharedKey } from "../oidc/support/idp.ts";
import { scimClient } from "../scim/support/client.ts";
import { Receiver, destinations, reachable as receivable } from "../streams/support/receiver.ts";
import { newVisitor, signIn } from "../support/browser.ts";
import { call, ok, refused } from "../support/client.ts";
import { eventually, laterBy } from "../support/clock.ts";
import { breakQueue } from "../support/faults.ts";
import { signatureOf } from "../support/scanner.ts";
import { objectKeys } from "../support/stored.ts";
import { Destination, hookTo, reachable } from "../webhooks/support/hooks.ts";
import {
  type Organization,
  administratorOf,
  at,
  breakSecond,
  databaseOf,
  inEach,
  newOrganization,
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
  world,
} from "./support/twoDatabases.ts";

const bindings = env as unknown as Bindings;
const DAY = 86_400_000;
twoDatabases();

const eventsOf = async (org: Organization, event: string) =>
  (await databaseOf(org)
    .prepare("SELECT count(*) AS n FROM audit_events WHERE org_id = ? AND event = ?")
    .bind(org.id, event)
    .first<number>("n"))!;

describe("audit streams", () => {
  it("send the log of their own organization from its own database, and go on after a failure", async () => {
    const receivers = new Map(organizations.map((org, i) => [org.name, new Receiver(9600 + i)]));
    receivable(...receivers.values());
    const ids = new Map<string, string>();
    for (const org of organizations) {
      const json = { name: "away", destination: destinations.https(receivers.get(org.name)!.url) };
      const token = await administratorOf(org);
      const { id } = await ok<{ id: string }>("POST", `/api/orgs/${org.name}/audit-streams`, { token, json });
      expect(placeOf(id)).toBe(org.place);
      ids.set(org.name, id);
    }
    for (const receiver of receivers.values()) receiver.mood = async () => new Response("not now", { status: 500 });
    await inEach(newStackIn);
    await inEach(settled);
    const rowOf = (org: Organization) =>
      databaseOf(org)
        .prepare("SELECT delivered_through, failures FROM audit_streams WHERE id = ?")
        .bind(ids.get(org.name))
        .first<{ delivered_through: number; failures: number }>();
    for (const org of organizations) await eventually(async () => expect((await rowOf(org))!.failures).toBeGreaterThan(0));
    for (const receiver of receivers.values()) receiver.mood = (take) => take();
    laterBy(3_600_000);
    await runCron(bindings, Date.now());
    for (const org of organizations) {
      const sender = bindings.STREAMS.get(bindings.STREAMS.idFromName(ids.get(org.name)!));
      const { events } = await settled(org);
      await eventually(async () => {
        await runDurableObjectAlarm(sender as never);
        expect(await rowOf(org)).toEqual({ delivered_through: events, failures: 0 });
      });
      const { taken } = receivers.get(org.name)!;
      expect(new Set(taken.map((record) => record["orgId"]))).toEqual(new Set([org.id]));
      expect([...new Set(taken.map(({ seq }) => seq))]).toEqual(Array.from({ length: events! }, (_, i) => i + 1));
    }
  });
});

describe("the operator's metrics", () => {
  const headers = { Authorization: `Bearer ${env.OPERATOR_TOKEN}`, Accept: "application/json" };
  type Numbers = DeploymentNumbers & { organization?: OrganizationNumbers & { name: string } };
  const numbers = async (query = ""): Promise<Numbers> => (await call("GET", `/api/metrics${query}`, { headers })).json();
  beforeEach(async () => {
    for (const place of [1, 2]) {
      await flushRefusals(openStore(atPlace(bindings, place)));
      await databaseOf({ place }).exec("DELETE FROM measures");
    }
  });

  it("are the sums over all databases", async () => {
    const started = Date.now();
    await inEach(newStackIn);
    await inEach((org) => updateIn(org));
    await inEach(settled);
    await startIn(at(1));
    await startIn(at(2));
    await refused(404, "GET", `/api/stacks/${at(1).name}/no/such`, { token: at(1).token });
    await refused(404, "GET", `/api/stacks/${at(2).name}/no/such`, { token: at(2).token });
    for (const org of organizations)
      await databaseOf(org)
        .prepare("INSERT INTO audit_faults (org_id, seq, fault, found_at, day) VALUES (?, 1, 'altered', 0, '')")
        .bind(org.id)
        .run();
    for (const place of [1, 2]) {
      await flushRefusals(openStore(atPlace(bindings, place)));
      await databaseOf({ place })
        .prepare("INSERT INTO measures (name, label, value) VALUES ('cron', 'archive', ?), ('cron', ?, 7), ('orphans_deleted', '', ?)")
        .bind(100 * place, `only-${place}`, place)
        .run();
    }
    const seen = await numbers();
    // The directory of these tests has two more organizations.
    expect(seen).toMatchObject({
      organizations: 6,
      refusals: { not_found: 2 },
      updates: { running: 2, notStarted: 0 },
      audit: { checkpointsOverdue: 4, lastCheckpointDay: null, chainsBroken: 4 },
      orphansDeleted: 3,
      cron: { archive: 100, "only-1": 7, "only-2": 7 },
    });
    expect(seen.updates.oldestStartedAt).toBeGreaterThanOrEqual(started);
    const text = await (await call("GET", "/api/metrics", { headers: { Authorization: headers.Authorization } })).text();
    expect(text).toContain("stackpass_organizations 6\n");
    expect(text).toContain("stackpass_updates_running 2\n");
  });

  it("count what waits in the outbox of each, and show one organization wherever it is", async () => {
    const mend = breakQueue();
    await inEach(newStackIn);
    expect((await numbers()).audit.outbox).toBe(4);
    for (const org of organizations)
      expect((await numbers(`?organization=${org.name.toUpperCase()}`)).organization).toMatchObject({
        name: org.name,
        stacks: 1,
        tokens: 1,
      });
    await refused(404, "GET", "/api/metrics?organization=nobody", { headers });
    mend();
    await runCron(bindings, Date.now() + 120_000);
    for (const org of organizations) expect(await settled(org)).toMatchObject({ promised: 0, events: 1 });
    for (const org of organizations) expect(await rowsOf(org, others(org))).toMatchObject({ events: 0, heads: 0 });
  });

  it("are a 503 while one database does not answer: a smaller sum would be wrong", async () => {
    const mend = breakSecond();
    await refused(503, "GET", "/api/metrics", { headers });
    mend();
    expect((await numbers()).organizations).toBe(6);
  });
});

describe("the exchange of an identity provider's token", () => {
  const url = "https://idp.of-both.example.com";
  async function trustIn(org: Organization, more: Record<string, unknown> = {}): Promise<void> {
    const token = await administratorOf(org);
    const path = `/api/orgs/${org.name}`;
    const json = { name: "ci", url, jwks: { keys: [(await sharedKey()).jwk] }, ...more };
    const { id } = await ok<{ id: string }>("POST", `${path}/oidc/issuers`, { token, json });
    const policy = await ok<{ id: string }>("GET", `${path}/auth/policies/oidcissuers/${id}`, { token });
    const policies = [allowing({ authorizedPermissions: ["admin"] })];
    await ok("PATCH", `${path}/auth/policies/${policy.id}`, { token, json: { policies } });
  }
  const audience = ({ name }: Pick<Organization, "name">) => `urn:pulumi:org:${name}`;
  const exchange = async (org: Pick<Organization, "name">, more: Record<string, unknown> = {}, fields: Record<string, string> = {}) => {
    const subject = await (await sharedKey()).sign(goodClaims(url, { aud: audience(org), ...more }));
    return call("POST", "/api/oauth/token", {
      body: new URLSearchParams(form(subject, { audience: audience(org), scope: "admin", ...fields })).toString(),
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
    });
  };
  const exchanged = async (org: Organization) => {
    const response = await exchange(org);
    const body = await response.json<{ access_token: string }>();
    expect(response.status, JSON.stringify(body)).toBe(200);
    return body.access_token;
  };

  it("makes a token in the database of the organization that the audience names", async () => {
    for (const org of organizations) await trustIn(org);
    await inEach(newStackIn);
    // The second round uses what the isolate remembers of the first one.
    for (const _ of [1, 2])
      for (const org of organizations) {
        const token = await exchanged(org);
        expect((await readTokenValue(pepper(), token))!.place).toBe(org.place);
        await ok("GET", stackOf(org), { token });
        for (const other of organizations.filter(({ id }) => id !== org.id)) await refused(404, "GET", stackOf(other), { token });
      }
    for (const org of organizations) {
      await settled(org);
      expect(await eventsOf(org, "organization-token-created-for-oidc-issuer")).toBe(2);
    }
  });

  it("is refused as before: for nobody's name, by the policy, for a person, and for a token that was used", async () => {
    const east = at(2);
    await trustIn(east, { singleUse: true });
    const errorOf = async (response: Response) => ((await response.json()) as { error_description: string }).error_description;
    expect(await errorOf(await exchange({ name: "nobody" }))).toBe("The organization does not accept tokens of this issuer.");
    expect(await errorOf(await exchange(at(1)))).toBe("The organization does not accept tokens of this issuer.");
    expect((await exchange(east, { sub: "repo:other/x" })).status).toBe(400);
    expect((await exchange(east, { jti: "one" })).status).toBe(200);
    expect(await errorOf(await exchange(east, { jti: "one" }))).toContain("exchanged before");
    await settled(east);
    expect(await eventsOf(east, "auth-failure-oidc-exchange")).toBeGreaterThan(0);
  });

  it("stands for no organization if two databases have one of the name, and for the one of the directory before all others", async () => {
    await trustIn(at(2));
    const bound = env as unknown as Record<string, unknown>;
    // The same database is bound a second time, so that both bindings have the organization.
    bound["DB_3"] = env.SECOND;
    try {
      expect((await exchange(at(2))).status).toBe(400);
    } finally {
      delete bound["DB_3"];
    }
    await exchanged(at(2));
    await newOrganization(at(2).name, 1);
    laterBy(120_000);
    expect((await exchange(at(2))).status).toBe(400);
  });

  it("waits for a database that does not answer", async () => {
    for (const org of organizations) await trustIn(org);
    const mend = breakSecond();
    await exchanged(at(1));
    expect((await exchange(at(2))).status).toBe(503);
    expect((await exchange({ name: "nobody" })).status).toBe(503);
    mend();
    await exchanged(at(2));
  });
});

describe("a scanner's report", () => {
  it("of tokens of several databases ends each of them, also while one database does not answer", async () => {
    const json = organizations.toReversed().map(({ token }) => ({ token }));
    const report = async () => {
      const text = JSON.stringify(json);
      return call("POST", "/api/token-leaks/scanner", { json, headers: { "X-Hub-Signature-256": await signatureOf(text) } });
    };
    const mend = breakSecond();
    expect((await report()).status).toBe(503);
    for (const { token, place } of organizations) if (place === 1) await refused(401, "GET", "/api/user", { token });
    mend();
    expect((await report()).status).toBeLessThan(300);
    for (const org of organizations) {
      await refused(401, "GET", "/api/user", { token: org.token });
      await settled(org);
      expect(await eventsOf(org, "token-leak-reported")).toBe(1);
    }
  });
});

describe("the cron", () => {
  it("ends lost starts, forgets updates that never started and disables unused tokens in each database", async () => {
    await inEach(newStackIn);
    for (const org of organizations) {
      const { token } = org;
      await ok("POST", `${stackOf(org)}/update`, { token, json: {} });
      const { updateID } = await ok<{ updateID: string }>("POST", `${stackOf(org)}/preview`, { token, json: {} });
      await databaseOf(org).prepare("UPDATE updates SET status = 'running', started_at = created_at WHERE id = ?").bind(updateID).run();
      await databaseOf(org).prepare("UPDATE organizations SET disable_unused_tokens_after_days = 1 WHERE id = ?").bind(org.id).run();
    }
    const now = Date.now() + 2 * DAY;
    for (const place of [1, 2]) expect(await sweep(atPlace(bindings, place), now)).toMatchObject({ neverStarted: 2, lostStarts: 2 });
    const hour = Math.ceil(now / 3_600_000) * 3_600_000;
    await runCron(bindings, hour);
    for (const org of organizations) {
      await settled(org);
      expect(await eventsOf(org, "organization-token-disabled")).toBe(1);
      await refused(401, "PATCH", `${stackOf(org)}/tags`, { token: org.token, json: { team: "a" } });
      expect(await rowsOf(org, databaseOf(org))).toMatchObject({ updates: 1 });
    }
  });

  it("finds a fault in the log of the organization that has it, and records it there", async () => {
    await inEach(newStackIn);
    await inEach((org) => updateIn(org));
    await inEach(settled);
    const broken = organizations[1]!;
    await databaseOf(broken).prepare("UPDATE audit_events SET user_login = 'gus' WHERE org_id = ? AND seq = 2").bind(broken.id).run();
    const now = Date.now();
    for (const place of [1, 2]) while ((await checkChains(atPlace(bindings, place), now)) > 0);
    for (const org of organizations) {
      await settled(org);
      expect(await eventsOf(org, "audit-chain-broken"), org.name).toBe(org === broken ? 1 : 0);
    }
  });

  it("sends digests of webhooks in each database", async () => {
    const destination = new Destination(9392);
    reachable(destination);
    laterBy(0);
    await inEach(async (org) => {
      const json = hookTo(`${destination.url}/${org.name}`, { organizationName: org.name, name: "daily", digest: "daily" });
      await ok("POST", `/api/orgs/${org.name}/hooks`, { token: await administratorOf(org), json });
    });
    await inEach(newStackIn);
    await inEach((org) => updateIn(org));
    await inEach(settled);
    laterBy(2 * DAY);
    await runCron(bindings, Date.now());
    for (const org of organizations) {
      const id = (await databaseOf(org).prepare("SELECT id FROM webhooks WHERE org_id = ?").bind(org.id).first<string>("id"))!;
      const sender = bindings.WEBHOOKS.get(bindings.WEBHOOKS.idFromName(id));
      await eventually(async () => {
        await runDurableObjectAlarm(sender as never);
        expect(destination.arrived.filter(({ url }) => url.endsWith(`/${org.name}`)).map(({ kind }) => kind)).toEqual(["digest"]);
      });
      const digest = destination.arrived.find(({ url }) => url.endsWith(`/${org.name}`))!;
      expect(JSON.parse(digest.body)).toMatchObject({ organization: { name: org.name } });
    }
  });
});

describe("messages of the queue", () => {
  const eventFor = (orgId: string) =>
    auditEvent({ now: Date.now(), address: "" }, orgId, nobody, { event: "stack-created", description: "" });

  it("that name a place which no deployment has are kept as dead letters, and stop no other message", async () => {
    const nowhere = [newIdAt(3), newIdAt(50), newIdAt(51), newIdAt(4095)].map(eventFor);
    const events = [...nowhere, ...organizations.map(({ id }) => eventFor(id))];
    const messages = events.map((body, i) => ({ id: String(i), timestamp: new Date(), attempts: 1, body: JSON.stringify(body) }));
    const batch = createMessageBatch("stackpass-audit", messages);
    await worker.queue(batch, bindings);
    const result = await getQueueResult(batch, createExecutionContext());
    expect(result.explicitAcks.sort()).toEqual(["4", "5", "6", "7"]);
    expect(result.retryMessages.map(({ msgId }) => msgId).sort()).toEqual(["0", "1", "2", "3"]);
    const dead = createMessageBatch("stackpass-audit-dead", messages.slice(0, 4));
    await worker.queue(dead, bindings);
    expect((await getQueueResult(dead, createExecutionContext())).retryMessages).toHaveLength(4);
    expect((await objectKeys()).filter((key) => key.startsWith(DEAD_LETTERS))).toHaveLength(4);
    for (const org of organizations) expect(await rowsOf(org, databaseOf(org))).toMatchObject({ events: 1 });
  });

  it("are not written into another database that has the binding of theirs, and the health check tells of it", async () => {
    const health = async () => (await call("GET", "/healthz")).json<{ checks: Record<string, string> }>();
    laterBy(60_000);
    expect((await health()).checks).toMatchObject({ database: "ok", migrations: "ok" });
    env.DB_2 = env.DB;
    const messages = organizations.map(({ id }, i) => ({
      id: String(i),
      timestamp: new Date(),
      attempts: 1,
      body: JSON.stringify(eventFor(id)),
    }));
    const batch = createMessageBatch("stackpass-audit", messages);
    await worker.queue(batch, bindings);
    const result = await getQueueResult(batch, createExecutionContext());
    expect(result.explicitAcks.sort()).toEqual(["0", "2"]);
    expect(result.retryMessages.map(({ msgId }) => msgId).sort()).toEqual(["1", "3"]);
    for (const org of organizations) expect(await rowsOf(org, env.DB)).toMatchObject({ events: org.place === 1 ? 1 : 0 });
    laterBy(60_000);
    expect((await health()).checks).toMatchObject({ database: "failed", migrations: "ok" });
    env.DB_2 = env.SECOND;
  });

  it("are not written by either of two databases whose bindings were exchanged", async () => {
    const messages = organizations.map(({ id }, i) => ({
      id: String(i),
      timestamp: new Date(),
      attempts: 1,
      body: JSON.stringify(eventFor(id)),
    }));
    const directory = env.DB;
    [env.DB, env.DB_2] = [env.SECOND, directory];
    const batch = createMessageBatch("stackpass-audit", messages);
    await worker.queue(batch, bindings).finally(() => ([env.DB, env.DB_2] = [directory, env.SECOND]));
    expect((await getQueueResult(batch, createExecutionContext())).explicitAcks).toEqual([]);
    for (const org of organizations) expect(await rowsOf(org, others(org))).toMatchObject({ events: 0, heads: 0 });
  });

  it("that became dead letters are replayed where the database answers, and the others later", async () => {
    const events = organizations.map(({ id }) => eventFor(id));
    for (const event of events) await keepDeadLetter(bindings, event.id, event.at, JSON.stringify(event));
    await env.STATE.put(REPLAY_REQUEST, "");
    const mend = breakSecond();
    await runCron(bindings, Date.now());
    mend();
    const written = () => Promise.all(organizations.map(async (org) => (await rowsOf(org, databaseOf(org)))["events"]));
    expect(await written()).toEqual([1, 0, 1, 0]);
    expect(await objectKeys()).toContain(REPLAY_REQUEST);
    // Two replays at the same time write each event once.
    await Promise.all([runCron(bindings, Date.now()), runCron(bindings, Date.now())]);
    expect(await written()).toEqual([1, 1, 1, 1]);
    expect((await objectKeys()).filter((key) => key.startsWith("audit/dead") || key === REPLAY_REQUEST)).toEqual([]);
  });
});

describe("the deletion of a token", () => {
  it("refuses its next write, although the cache has the token", async () => {
    await inEach(newStackIn);
    for (const org of organizations) {
      const admin = await administratorOf(org);
      const path = `/api/orgs/${org.name}/tokens`;
      const made = await ok<{ id: string; tokenValue: string }>("POST", path, { token: admin, json: { name: "doomed", admin: true } });
      await ok("GET", stackOf(org), { token: made.tokenValue });
      await ok("DELETE", `${path}/${made.id}`, { token: admin });
      await refused(401, "PATCH", `${stackOf(org)}/tags`, { token: made.tokenValue, json: { team: "a" } });
      await refused(401, "GET", `${stackOf(org)}/export`, { token: made.tokenValue });
      await settled(org);
      expect(await eventsOf(org, "organization-token-deleted")).toBe(1);
      expect((await rowsOf(org, others(org)))["events"]).toBe(0);
    }
  });
});

describe("people", () => {
  it("cannot be invited to or added to an organization outside of the directory, because they could not come in", async () => {
    const { name, token } = at(2);
    const path = `/api/orgs/${name}`;
    const invite = { role: "member" };
    const why = `Bad Request: ${name} is in a database of its own, where organizations have no members: only access tokens of the organization can use it`;
    for (const [to, json] of [
      ["invites/link", invite],
      ["invites/batch", { invites: [{ ...invite, email: "zoe@example.com" }] }],
      ["invites/unverified/batch", { invites: [{ ...invite, email: "zoe@example.com" }] }],
      ["members/mel", invite],
    ] as const)
      expect(await refused(400, "POST", `${path}/${to}`, { token, json }), to).toBe(why);
    expect(await databaseOf(at(2)).prepare("SELECT count(*) AS n FROM invites").first("n")).toBe(0);
    await ok("POST", `/api/orgs/${at(1).name}/invites/link`, { token: at(1).token, json: invite });
  });

  it("see nothing of it in the console, and its token does not sign in", async () => {
    const signedIn = await signIn(world.admin);
    expect((await signedIn.get("/acme")).status).toBe(200);
    const pages = (name: string) => ["", "/~/audit", "/~/tokens", "/web/dev", "/~/webhooks"].map((rest) => `/${name}${rest}`);
    for (const [i, page] of pages(at(2).name).entries()) {
      const [theirs, nobodys] = [await signedIn.get(page), await signedIn.get(pages("nobody")[i]!)];
      expect([page, theirs.status]).toEqual([page, nobodys.status]);
      expect(theirs.status).toBe(404);
    }
    const refusal = await newVisitor().post("/signin", { token: at(2).token });
    expect(await refusal.text()).toContain("This token belongs to a machine.");
    await settled(at(2));
    expect(await eventsOf(at(2), "user-login-failed")).toBe(1);
  });

  it("of an identity provider are not provisioned there", async () => {
    const east = at(2);
    await databaseOf(east).prepare("UPDATE access_tokens SET kind = 'scim' WHERE id = ?").bind(east.tokenId).run();
    const scim = scimClient(east.token);
    for (const method of ["GET", "POST"]) {
      const answer = await scim(method, "/Users", { org: east.name, ...(method === "POST" && { json: { userName: "zoe@example.com" } }) });
      expect(answer).toMatchObject({
        status: 403,
        body: { detail: expect.stringContaining("where organizations have no members") as string },
      });
    }
    expect(await databaseOf(east).prepare("SELECT count(*) AS n FROM users").first("n")).toBe(0);
  });

  it("cannot set up the deployment again because the directory has no organization", async () => {
    for (const table of ["access_tokens", "members", "organizations"]) await env.DB.exec(`DELETE FROM ${table}`);
    expect((await newVisitor().get("/setup")).status).toBe(404);
    await env.SECOND.exec("DELETE FROM access_tokens");
    await env.SECOND.exec("DELETE FROM organizations");
    expect((await newVisitor().get("/setup")).status).toBe(200);
  });
});

describe("a transfer", () => {
  it("between organizations of different databases is refused, and moves nothing", async () => {
    await inEach(newStackIn);
    for (const org of organizations) {
      const other = organizations.find(({ place }) => place !== org.place)!;
      const tokens = [org.token, await administratorOf(org)];
      for (const token of tokens) {
        const one = await call("POST", `${stackOf(org)}/transfer`, { token, json: { toOrg: other.name } });
        expect([403, 404]).toContain(one.status);
      }
      expect((await rowsOf(org, databaseOf(org)))["stacks"]).toBe(1);
      expect((await rowsOf(other, databaseOf(other)))["stacks"]).toBe(1);
    }
  });
});
