import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { archiveOldRecords } from "../../src/audit/archive.ts";
import type { ChainRecord } from "../../src/audit/chain.ts";
import { REFUSED_LEASE } from "../../src/audit/record.ts";
import type { Bindings } from "../../src/env.ts";
import { eventsOf, settledLog } from "../support/audit.ts";
import { newVisitor, shown } from "../support/browser.ts";
import { call, ok, refused } from "../support/client.ts";
import { eventually, laterBy } from "../support/clock.ts";
import { type World, newStack, newWorld, startUpdate } from "../support/world.ts";

const DAY = 86_400_000;

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

const idOf = async (name: string) => (await env.DB.prepare("SELECT id FROM organizations WHERE name = ?").bind(name).first<string>("id"))!;
const join = (login: string, org: string) =>
  env.DB.prepare(
    "INSERT INTO members (org_id, user_id, role, created_at) SELECT organizations.id, users.id, 'member', 9e12 FROM organizations, users WHERE organizations.name = ? AND login = ?",
  )
    .bind(org, login)
    .run();

describe("a personal token that has ended leaves an event in each organization of its person", () => {
  let dead: { id: string; tokenValue: string };
  beforeEach(async () => {
    dead = await ok("POST", "/api/user/tokens", { token: world.admin, json: { description: "x" } });
    await ok("DELETE", `/api/user/tokens/${dead.id}`, { token: world.admin });
    await join("ada", "globex");
  });
  const logsOf = async (work: () => Promise<unknown>) => {
    const events = await eventsOf(work);
    for (const event of events)
      expect(event).toMatchObject({ event: "auth-failure-access-token", userLogin: "ada", tokenId: dead.id, authFailure: true });
    return events.map(({ orgId }) => orgId).sort();
  };
  const both = async () => [await idOf("acme"), await idOf("globex")].sort();

  it.each(["/api/user", "/api/user/stacks", "/api/user/tokens", "/api/user/organizations/default", "/api/orgs/nosuch/members"])(
    "when it is presented at %s",
    async (path) => {
      expect(await logsOf(() => refused(401, "GET", path, { token: dead.tokenValue }))).toEqual(await both());
    },
  );

  it("when it is presented at the console's sign-in", async () => {
    const page = await logsOf(() => shown(newVisitor().post("/signin", { token: dead.tokenValue }), 400));
    expect(page).toEqual(await both());
  });

  it("except that a call which names one of them is in that organization's log only", async () => {
    const path = "/api/orgs/GLOBEX/members";
    expect(await logsOf(() => refused(401, "GET", path, { token: dead.tokenValue }))).toEqual([await idOf("globex")]);
  });

  it("and in no other's, nor where the person has left", async () => {
    await env.DB.prepare("DELETE FROM members WHERE org_id = ? AND user_id = (SELECT id FROM users WHERE login = 'ada')")
      .bind(await idOf("globex"))
      .run();
    for (const path of ["/api/user", "/api/orgs/globex/members"])
      expect(await logsOf(() => refused(401, "GET", path, { token: dead.tokenValue }))).toEqual([await idOf("acme")]);
  });

  it("and in no more than fifty", async () => {
    await env.DB.batch(
      Array.from({ length: 60 }, (_, i) =>
        env.DB.prepare("INSERT INTO organizations (id, name, display_name, created_at) VALUES (?1, ?1, ?1, 0)").bind(`org-${i}`),
      ),
    );
    for (let i = 0; i < 60; i++) await join("ada", `org-${i}`);
    expect(await logsOf(() => refused(401, "GET", "/api/user", { token: dead.tokenValue }))).toHaveLength(50);
  });

  it("once a minute when it comes too often", async () => {
    const spy = vi.spyOn(env.FAILED_CREDENTIALS, "limit").mockResolvedValue({ success: false });
    onTestFinished(() => spy.mockRestore());
    laterBy(60_000 - (Date.now() % 60_000));
    const events = await eventsOf(async () => {
      for (let i = 0; i < 5; i++) await refused(429, "GET", "/api/user", { token: dead.tokenValue });
    });
    expect(events.map(({ event, orgId }) => `${event} ${orgId}`).sort()).toEqual(
      (await both()).map((orgId) => `auth-failure-rate-limit ${orgId}`),
    );
  });
});

describe("a lease that is over leaves one event for its update", () => {
  const archiveAll = async () => {
    await env.DB.prepare("UPDATE organizations SET audit_retention_days = 1").run();
    let archived = 0;
    // An event may arrive after the others.
    await eventually(async () => {
      archived += await archiveOldRecords(env as Bindings, Date.now() + 10 * DAY);
      // Late events from the world of an earlier test do not count.
      const left = "SELECT count(*) AS n FROM audit_events WHERE org_id IN (SELECT id FROM organizations)";
      expect(await env.DB.prepare(left).first("n")).toBe(0);
    });
    expect(archived).toBeGreaterThan(0);
  };
  const recordsOf = async (updateId: string) =>
    (await (await call("GET", "/api/orgs/acme/auditlogs/v2/export?format=jsonl", { token: world.admin })).text())
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as ChainRecord)
      .filter(({ id }) => id === REFUSED_LEASE + updateId);
  const ended = async (stack: string) => {
    await newStack(world.member, "web", stack);
    const update = await startUpdate(world.member, { stack: `web/${stack}` });
    await ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
    const elsewhere = `/api/stacks/acme/web/${stack}/update/${crypto.randomUUID()}/complete`;
    const refuse = () => refused(403, "POST", elsewhere, { lease: update.lease, json: { status: "succeeded" } });
    return { id: update.id, refuse };
  };

  it("also after that event was archived, and after the next one was", async () => {
    const { id, refuse } = await ended("dev");
    await refuse();
    await settledLog();
    await archiveAll();
    await refuse();
    const other = await ended("prod");
    await other.refuse();
    // No event of the first token arrives after the one of the other token.
    await expect.poll(() => recordsOf(other.id)).toHaveLength(1);
    await archiveAll();
    await Promise.all([refuse(), other.refuse()]);
    const last = await ended("last");
    await last.refuse();
    await expect.poll(() => recordsOf(last.id)).toHaveLength(1);
    for (const updateId of [id, other.id, last.id]) expect(await recordsOf(updateId)).toHaveLength(1);
  });

  it("though many calls are refused at once", async () => {
    const { id, refuse } = await ended("dev");
    await Promise.all(Array.from({ length: 8 }, refuse));
    await refuse();
    await settledLog();
    expect(await recordsOf(id)).toHaveLength(1);
  });
});
