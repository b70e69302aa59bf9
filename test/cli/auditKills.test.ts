import { randomBytes } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { withStorage } from "../../scripts/bindings.ts";
import type { ChainRecord } from "../../src/audit/chain.ts";
import { examine } from "../../src/audit/examine.ts";
import { ask, request } from "./support/api.ts";
import { startBuiltServer } from "./support/builtServer.ts";
import { Random } from "./support/random.ts";
import type { Server } from "./support/server.ts";
import { type Takers, startTakers } from "./support/takers.ts";

const { auditKills: KILLS } = inject("sizes");
/** Maximum number of kills that may be added. */
const MORE = 10;
const SEED = inject("seed");
const CLIENTS = 6;
const HOUR = 3_600_000;
const OPERATOR_TOKEN = randomBytes(32).toString("base64url");

let server: Server;
let admin: string;
let member: string;
/** In the long form an audit stream and a webhook send the events, too. An attempt that a kill ended is repeated a minute later. */
let takers: Takers | undefined;
/** The time that the cron is given: each run is later than the retries that the run before has scheduled. */
let now = Date.now();

beforeAll(async () => {
  // In this test each refusal has an event of its own, however often the token is refused.
  const vars = { OPERATOR_TOKEN, REFUSAL_EVENTS: "off" };
  server = await startBuiltServer("audit-kills", vars);
  admin = server.credentials.organizations["acme"]!["admin"]!;
  member = server.credentials.organizations["acme"]!["member"]!;
  if (!inject("long")) return;
  takers = await startTakers(new Random(SEED, -1));
  const call = { token: admin, url: server.url };
  const destination = { kind: "https", url: takers.stream };
  await ask("POST", "/api/orgs/acme/audit-streams", { ...call, json: { name: "kills", destination } });
  const hook = { organizationName: "acme", displayName: "Kills", payloadUrl: takers.hook, active: true, groups: ["tokens"] };
  await ask("POST", "/api/orgs/acme/hooks", { ...call, json: hook });
});
afterAll(() => server?.stop());

const cron = () => server.cron((now += HOUR));
const waiting = async (): Promise<number> => {
  const headers = { Authorization: `Bearer ${OPERATOR_TOKEN}`, Accept: "application/json" };
  const numbers = (await (await fetch(`${server.url}/api/metrics`, { headers })).json()) as { audit: { outbox: number } };
  return numbers.audit.outbox;
};

interface Done {
  /** Names of tokens whose creation and deletion was answered. */
  created: string[];
  deleted: string[];
  refused: number;
}

/** Makes audited calls one after the other until the server is killed, and notes those that were answered. */
async function work(name: string, done: Done): Promise<void> {
  const call = { url: server.url };
  try {
    for (let i = 0; ; i++) {
      const json = { name: `${name}-${i}` };
      const { id } = await ask<{ id: string }>("POST", "/api/orgs/acme/tokens", { ...call, token: admin, json });
      done.created.push(json.name);
      if (i % 3 === 0 && (await request("DELETE", `/api/orgs/acme/tokens/${id}`, { ...call, token: admin })).status === 204)
        done.deleted.push(json.name);
      if (i % 3 === 1 && (await request("POST", "/api/orgs/acme/tokens", { ...call, token: member, json })).status === 403) done.refused++;
    }
  } catch (error) {
    // The connection broke, so the answer was lost, and perhaps the call too.
    if (!(error instanceof TypeError)) throw error;
  }
}

/**
 * Expects that the stream delivers each record, and the webhook each event of a token, and that after the removal of repetitions each is
 * there once.
 */
async function expectDelivered(to: Takers, lines: string[]): Promise<void> {
  to.calm();
  const records = lines.map((line) => JSON.parse(line) as ChainRecord);
  // The webhook does not send refused calls of a person.
  const told = records.filter((record) => /^organization-token-(created|deleted)$/.test(String(record["event"])));
  const seqOf = (body: string) => (JSON.parse(body) as ChainRecord).seq;
  await expect
    .poll(
      async () => {
        await cron();
        return [to.records.size >= records.length, to.messages.size >= told.length];
      },
      { timeout: 600_000, interval: 2000 },
    )
    .toEqual([true, true]);
  for (const [i, line] of lines.entries()) expect([...to.records.get(records[i]!.seq)!]).toEqual([line]);
  for (const bodies of [...to.records.values(), ...to.messages.values()]) expect(bodies.size).toBe(1);
  const sent = [...to.messages.values()].map(([body]) => seqOf(body!)).toSorted((a, b) => a - b);
  expect(sent).toEqual(told.map(({ seq }) => seq));
  console.log(
    `${to.records.size} records by a stream and ${to.messages.size} messages by a webhook: ` +
      `0 missing, ${to.arrivals - to.records.size - to.messages.size} repeated`,
  );
}

it(
  `after ${KILLS} kills of the server with events in its queue, every event is in the log, once, and the chain is good`,
  async () => {
    console.log(`${KILLS} kills: AUDIT_KILLS=${KILLS} SEED=${SEED}`);
    const done: Done = { created: [], deleted: [], refused: 0 };
    const inFlight: number[] = [];
    // A kill may find the queue empty. At least one must find events in it, because otherwise the test shows nothing.
    for (let round = 0; round < KILLS || (!inFlight.some((n) => n > 0) && round < KILLS + MORE); round++) {
      const random = new Random(SEED, round);
      const clients = Array.from({ length: CLIENTS }, (_, i) => work(`r${round}-c${i}`, done));
      // Events that an earlier kill left behind are sent now, in the next round or later. A kill may also occur during this.
      const relay = random.below(3) === 0 ? cron().catch(() => undefined) : undefined;
      const before = done.created.length;
      while (done.created.length === before) await wait(20);
      await wait(random.below(1500));
      await server.kill();
      await Promise.all([...clients, relay]);
      await server.run();
      inFlight.push(await waiting());
      if ((round + 1) % 10 === 0) console.log(`${new Date().toISOString().slice(11, 19)} kill ${round + 1} of ${KILLS}`);
    }
    await expect
      .poll(
        async () => {
          await cron();
          return waiting();
        },
        { timeout: 120_000, interval: 2000 },
      )
      .toBe(0);
    const verdict = await ask<{ valid: boolean; head: { sequence: number } }>("GET", "/api/orgs/acme/auditlogs/verify?from=1", {
      token: admin,
      url: server.url,
    });
    expect(verdict.valid).toBe(true);
    const exported = await request("GET", "/api/orgs/acme/auditlogs/v2/export?format=jsonl", { token: admin, url: server.url });
    const lines = (await exported.text()).trim().split("\n");
    const records = lines.map((line) => JSON.parse(line) as ChainRecord);
    if (takers) await expectDelivered(takers, lines);
    await server.stop();
    const { promised, letters } = await withStorage(server.persistTo, async ({ DB, STATE }) => ({
      // The outbox never uses a number twice.
      promised: await DB.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'audit_outbox'").first<number>("seq"),
      letters: (await STATE.list({ prefix: "audit/dead-letters/" })).objects.length,
    }));
    expect(letters).toBe(0);
    expect(records).toHaveLength(promised ?? 0);
    expect(new Set(records.map(({ id }) => id)).size).toBe(records.length);
    expect(await examine(lines)).toMatchObject({ good: true });
    const logged = (event: string) =>
      records.filter((record) => record["event"] === event).map((record) => /"([^"]+)"/.exec(String(record["description"]))?.[1]);
    const [created, deleted] = [logged("organization-token-created"), logged("organization-token-deleted")];
    expect(new Set(created).size).toBe(created.length);
    expect(new Set(deleted).size).toBe(deleted.length);
    expect(done.created.filter((name) => !created.includes(name))).toEqual([]);
    expect(done.deleted.filter((name) => !deleted.includes(name))).toEqual([]);
    expect(logged("auth-failure-organization-role").length).toBeGreaterThanOrEqual(done.refused);
    const acknowledged = done.created.length + done.deleted.length + done.refused;
    console.log(
      `seed ${SEED}: ${KILLS} kills, ${inFlight.filter((n) => n > 0).length} of them with events in flight, ${Math.max(...inFlight)} at most; ` +
        `${acknowledged} changes and refusals acknowledged, ${promised} events promised, ${records.length} in the log: 0 lost, 0 doubled, chain good`,
    );
    expect(inFlight.some((n) => n > 0)).toBe(true);
  },
  180_000 + (KILLS + MORE) * 20_000 + (inject("long") ? 600_000 : 0),
);
