import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { archiveOldRecords } from "../../src/audit/archive.ts";
import type { Stream } from "../../src/streams/openapi.ts";
import { delayAfter, retryAfter } from "../../src/http/retry.ts";
import { wakeLagging } from "../../src/streams/wakeLagging.ts";
import { eventsOf } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { eventually } from "../support/clock.ts";
import { everythingStored } from "../support/stored.ts";
import { type World, newOrgToken, newWorld } from "../support/world.ts";
import {
  type Kind,
  type NewStream,
  Receiver,
  STREAMS,
  addRecords,
  asleep,
  bindings,
  chain,
  destinations,
  newStream,
  orgId,
  reachable,
  rowOf,
  step,
  written,
} from "./support/receiver.ts";

let world: World;
let receiver: Receiver;
beforeEach(async () => {
  world = await newWorld();
  receiver = new Receiver(9100);
  reachable(receiver);
});

const kinds = Object.keys(destinations) as Kind[];
const secrets = ["the-secret-of-s3", "source=stackpass", "the-token-of-splunk", "the-key-of-datadog", "the-key-of-elastic"];
const get = (id: string) => ok<Stream>("GET", `${STREAMS}/${id}`, { token: world.admin });
const post = (id: string, action: string, json: unknown = {}) =>
  ok<Stream>("POST", `${STREAMS}/${id}/${action}`, { token: world.admin, json });
const patch = (id: string, json: unknown) => ok<Stream & NewStream>("PATCH", `${STREAMS}/${id}`, { token: world.admin, json });
/** Sends everything that there is. */
async function drain(id: string): Promise<void> {
  await written();
  for (let last = -1; ;) {
    await step(id);
    const row = await rowOf(id);
    if (row?.["delivered_through"] === last || row?.["error"] !== "") return;
    last = Number(row["delivered_through"]);
  }
}
/** Runs a statement after each batch that the Worker sends to D1. @returns stops that */
function afterEachBatch(sql: string): () => void {
  const session = env.DB.withSession.bind(env.DB);
  const spy = vi.spyOn(env.DB, "withSession").mockImplementation((constraint) => {
    const opened = session(constraint);
    const batch = async (statements: D1PreparedStatement[]) => {
      const results = await opened.batch(statements);
      await env.DB.prepare(sql).run();
      return results;
    };
    return { prepare: (query: string) => opened.prepare(query), batch, getBookmark: () => null } as unknown as D1DatabaseSession;
  });
  return () => spy.mockRestore();
}
const sequences = () => receiver.taken.map(({ seq }) => seq);

describe("the object of a stream", () => {
  it("is woken by new records alone", async () => {
    await newStream(world, "https", receiver);
    await newOrgToken(world, "ci");
    await eventually(async () => expect(receiver.taken.map(({ event }) => event)).toContain("organization-token-created"));
  });

  it("ends an attempt when the stream is changed", async () => {
    let aborted = false;
    receiver.mood = async () => {
      const { signal } = receiver.requests.at(-1)!;
      await new Promise<void>((done) => signal.addEventListener("abort", () => done()));
      aborted = true;
      throw new DOMException("aborted", "AbortError");
    };
    const { id } = await newStream(world, "https", receiver);
    await eventually(async () => expect(receiver.requests.length).toBeGreaterThan(0));
    await post(id, "pause");
    await eventually(async () => expect(aborted).toBe(true));
    expect(await rowOf(id)).toMatchObject({ delivered_through: 0, failures: 0 });
  });
});

describe("a stream", () => {
  beforeEach(asleep);

  it.each(kinds)("to %s sends the log, and no credential is in an answer, in the log or readable where it is stored", async (kind) => {
    const events = await eventsOf(async () => {
      const { id } = await newStream(world, kind, receiver);
      await patch(id, { name: "renamed", destination: { ...destinations[kind](receiver.url) } });
      await post(id, "test");
    });
    expect(events.map(({ event }) => event)).toEqual(["audit-stream-created", "audit-stream-updated", "audit-stream-tested"]);
    const { streams } = await ok<{ streams: Stream[] }>("GET", STREAMS, { token: world.admin });
    const [stream] = streams;
    expect(stream).toMatchObject({ name: "renamed", format: "jsonl", destination: { kind, url: receiver.url }, hasSecret: true });
    await drain(stream!.id);
    const records = await chain();
    expect(new Set(receiver.taken.map(({ hash }) => hash))).toEqual(
      new Set(kind === "s3" ? records.map(({ hash }) => hash) : [undefined, ...records.map(({ hash }) => hash)]),
    );
    expect(await get(stream!.id)).toMatchObject({ deliveredThrough: records.length, lag: { records: 0, seconds: 0 } });
    const told = JSON.stringify([streams, events]) + (await everythingStored([]));
    for (const secret of secrets) expect(told).not.toContain(secret);
    // The receiver did get its credential.
    const sent = receiver.requests.map(({ url, headers }) => url + JSON.stringify([...headers])).join();
    expect(sent).toMatch(/AWS4-HMAC-SHA256 Credential=key\/|source=stackpass|the-token-of-splunk|the-key-of-datadog|the-key-of-elastic/);
  });

  it("signs each message with a secret that is shown once", async () => {
    const { id, secret } = await newStream(world, "https", receiver);
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    receiver.secret = secret;
    await drain(id);
    const first = receiver.taken.length;
    expect(first).toBeGreaterThan(0);
    expect(JSON.stringify(await get(id))).not.toContain(secret!.slice(6));
    const renewed = await patch(id, { newSecret: true });
    expect(renewed.secret).not.toBe(secret);
    receiver.secret = renewed.secret;
    await drain(id);
    expect(receiver.taken.length).toBeGreaterThan(first);
    // A message has the same id in all attempts, and the id has no dot.
    expect(receiver.requests[0]!.headers.get("webhook-id")).toMatch(/^[\w-]+_1_\d+_[0-9a-f]{12}$/);
  });

  it("begins where it is told to, and again where it is told to", async () => {
    await addRecords(20);
    const { id } = await newStream(world, "splunk", receiver, { from: 5 });
    await drain(id);
    expect(sequences().slice(0, 2)).toEqual([5, 6]);
    receiver.taken.length = 0;
    await post(id, "restart", { from: 19 });
    await drain(id);
    expect(sequences().slice(0, 2)).toEqual([19, 20]);
    const later = new Receiver(9104);
    reachable(receiver, later);
    const head = (await chain()).length;
    const { id: late } = await newStream(world, "elastic", later, { from: "now" });
    await drain(late);
    expect(later.taken[0]!.seq).toBeGreaterThan(head);
  });

  it("sends nothing while it is paused or after its deletion, and loses nothing by the pause", async () => {
    // These records are in the log of another organization.
    await addRecords(50, { orgId: "other" });
    const { id } = await newStream(world, "https", receiver);
    expect((await get(id)).lag.records).toBeLessThan(10);
    await drain(id);
    expect(await post(id, "pause")).toMatchObject({ paused: { reason: "asked" } });
    const before = receiver.taken.length;
    await addRecords(3);
    await drain(id);
    expect(await wakeLagging(bindings, Date.now())).toBe(0);
    expect(receiver.taken).toHaveLength(before);
    await post(id, "resume");
    await drain(id);
    expect(sequences()).toEqual((await chain()).map(({ seq }) => seq));
    await ok("DELETE", `${STREAMS}/${id}`, { token: world.admin });
    const count = receiver.requests.length;
    await addRecords(3);
    await step(id);
    expect(receiver.requests).toHaveLength(count);
    expect(await refused(404, "GET", `${STREAMS}/${id}`, { token: world.admin })).toContain("not found");
  });

  it("sends a batch again with the same end, although there are more records by then", async () => {
    const { id } = await newStream(world, "s3", receiver);
    await written();
    receiver.mood = async (take) => {
      await take();
      throw new TypeError("Network connection lost.");
    };
    await step(id);
    const [first] = [...receiver.objects.keys()];
    expect(first).toMatch(/^\/audit-log\/logs\/acme\/2026\/\d\d\/\d\d\/\d\d\/000000000001-0000000000\d\d-[0-9a-f]{12}\.jsonl\.gz$/);
    await addRecords(5);
    receiver.mood = (take) => take();
    await env.DB.prepare("UPDATE audit_streams SET retry_at = 0").run();
    await step(id);
    expect([...receiver.objects.keys()]).toEqual([first]);
    await drain(id);
    expect(sequences()).toEqual((await chain()).map(({ seq }) => seq));
  });

  it("reads records from the archive", async () => {
    await addRecords(30, { at: Date.UTC(2020, 0, 1) });
    await written();
    await env.DB.prepare("UPDATE organizations SET audit_retention_days = 1 WHERE name = 'acme'").run();
    const records = await chain();
    expect(await archiveOldRecords(bindings, Date.now())).toBeGreaterThan(0);
    const { id } = await newStream(world, "https", receiver);
    expect((await get(id)).lag.seconds).toBeGreaterThan(86_400);
    await drain(id);
    expect(receiver.taken.slice(0, records.length).map(({ hash }) => hash)).toEqual(records.map(({ hash }) => hash));
  });

  it("sends long records, of which few are in one object of the archive", async () => {
    await addRecords(6, { at: Date.UTC(2020, 0, 1), description: "x".repeat(900_000) });
    await written();
    await env.DB.prepare("UPDATE organizations SET audit_retention_days = 1 WHERE name = 'acme'").run();
    const { id } = await newStream(world, "https", receiver);
    expect(await archiveOldRecords(bindings, Date.now())).toBe(6);
    expect(await env.DB.prepare("SELECT count(*) AS n FROM audit_archives").first("n")).toBe(2);
    await drain(id);
    expect(sequences().slice(0, 6)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("is set to another record while it moves, and the log says from where", async () => {
    await addRecords(20);
    const { id } = await newStream(world, "splunk", receiver);
    await written();
    // The stream moves after each batch of the call.
    const stop = afterEachBatch("UPDATE audit_streams SET delivered_through = delivered_through + 1");
    expect(await post(id, "restart", { from: 3 })).toMatchObject({ deliveredThrough: 2 });
    stop();
    await written();
    const event = (await chain()).find(({ event }) => event === "audit-stream-restarted");
    expect(event?.["description"]).toMatch(/from record ([2-9]|\d\d) to record 3\.$/);
  });

  it("sends smaller batches to a destination that refuses the size, down to one record", async () => {
    await addRecords(9);
    const { id } = await newStream(world, "https", receiver);
    await written();
    const linesOf = async () => (await receiver.requests.at(-1)!.clone().text()).trimEnd().split("\n").length;
    receiver.mood = async (take) => ((await linesOf()) > 2 ? new Response("", { status: 413 }) : take());
    for (let i = 0; i < 100 && (await step(id)) === 0; i++);
    expect(sequences()).toEqual((await chain()).map(({ seq }) => seq));
    expect(await rowOf(id)).toMatchObject({ failures: 0 });
    receiver.mood = async () => new Response("", { status: 413 });
    await addRecords(2);
    for (let i = 0; i < 100 && (await step(id)) === 0; i++);
    expect((await get(id)).failing).toMatchObject({ failures: 1, error: "The destination refused the size of a batch (status 413)." });
  });

  it("waits like after any failure while the archive cannot be read, says so, and goes on", async () => {
    await addRecords(30, { at: Date.UTC(2020, 0, 1) });
    await written();
    await env.DB.prepare("UPDATE organizations SET audit_retention_days = 1 WHERE name = 'acme'").run();
    const { id } = await newStream(world, "https", receiver);
    const records = await chain();
    await archiveOldRecords(bindings, Date.now());
    const key = (await env.DB.prepare("SELECT key FROM audit_archives").first<string>("key"))!;
    const bytes = await (await env.STATE.get(key))!.arrayBuffer();
    await env.STATE.delete(key);
    const logged = vi.spyOn(console, "error").mockImplementation(() => undefined);
    expect(await step(id)).toBeGreaterThan(7000);
    logged.mockRestore();
    expect((await get(id)).failing).toMatchObject({ failures: 1, error: "The archive of the log could not be read." });
    await env.STATE.put(key, bytes);
    await post(id, "resume");
    await drain(id);
    expect(sequences().slice(0, records.length)).toEqual(records.map(({ seq }) => seq));
  });

  it("does not send a checkpoint for ever whose object names another day", async () => {
    const { id } = await newStream(world, "s3", receiver);
    await drain(id);
    const org = await orgId();
    await env.DB.prepare("UPDATE audit_heads SET checkpoint_day = '2026-06-01', checkpoint_seq = 1").run();
    const checkpoint = { orgId: org, day: "2020-01-01", seq: 1, hash: "h", keyId: "1", signature: "s" };
    await env.STATE.put(`audit/checkpoints/${org}/2026-06-01.json`, JSON.stringify(checkpoint));
    let steps = 0;
    while ((await step(id)) === 0 && steps < 10) steps++;
    expect(steps).toBeLessThan(3);
  });

  it.each(["ocsf", "cef"])("sends the format %s to a bucket and to an address", async (format) => {
    const { id } = await newStream(world, "s3", receiver, { format });
    await drain(id);
    expect([...receiver.objects.keys()][0]).toMatch(format === "ocsf" ? /\.ocsf\.jsonl\.gz$/ : /\.cef\.gz$/);
  });
});

describe("a failing stream", () => {
  beforeEach(asleep);

  it("waits longer after each failure, as long as the destination asks for, and at most an hour", () => {
    expect([1, 2, 3, 9, 10, 50].map((failures) => delayAfter(failures, undefined, 0) / 1000)).toEqual([10, 20, 40, 2560, 3600, 3600]);
    expect(delayAfter(1, undefined, 1)).toBe(8000);
    expect(delayAfter(1, 60_000, 1)).toBe(60_000);
    expect(delayAfter(1, 9_000_000, 0)).toBe(3_600_000);
    const now = Date.UTC(2026, 0, 1);
    expect(["120", " 5 ", "Thu, 01 Jan 2026 00:01:00 GMT", "-5", "soon", "1e9", null].map((header) => retryAfter(header, now))).toEqual([
      120_000,
      5000,
      60_000,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it("shows why, waits, and begins at once when it is resumed", async () => {
    const { id } = await newStream(world, "https", receiver);
    await written();
    receiver.mood = async () => new Response("", { status: 429, headers: { "Retry-After": "600" } });
    await step(id);
    const stream = await get(id);
    expect(stream.failing).toMatchObject({ failures: 1, error: "The destination asked to send less often (status 429)." });
    const count = receiver.requests.length;
    expect(await step(id)).toBeGreaterThan(500_000);
    expect(receiver.requests).toHaveLength(count);
    expect(await wakeLagging(bindings, Date.now())).toBe(0);
    receiver.mood = (take) => take();
    await post(id, "resume");
    await drain(id);
    const healthy = await get(id);
    expect(healthy.failing).toBeUndefined();
    expect(healthy.lastSuccess).toBeDefined();
  });

  it("is paused after a day, with an event, and goes on when it is resumed", async () => {
    const { id } = await newStream(world, "https", receiver);
    receiver.mood = async () => new Response("", { status: 500 });
    await written();
    await step(id);
    await env.DB.prepare("UPDATE audit_streams SET retry_at = 0, failures = 50, failing_since = failing_since - 86400000").run();
    const events = await eventsOf(() => step(id));
    expect(events).toMatchObject([{ event: "audit-stream-paused", userLogin: "", tokenId: "" }]);
    expect(events[0]!.description).toContain("because it failed for a day: The destination answered with status 500.");
    expect(await get(id)).toMatchObject({ paused: { reason: "failing" }, failing: { error: "The destination answered with status 500." } });
    receiver.mood = (take) => take();
    await post(id, "resume");
    await drain(id);
    expect(sequences()).toEqual((await chain()).map(({ seq }) => seq));
  });

  it("delays no other stream, and is not moved by an attempt that began before a change", async () => {
    const hanging = new Receiver(9101);
    const healthy = new Receiver(9102);
    reachable(hanging, healthy);
    const { id: slow } = await newStream(world, "https", hanging);
    const { id: fast } = await newStream(world, "splunk", healthy);
    await written();
    let release = () => {};
    const arrived = new Promise<void>((arrive) => {
      hanging.mood = async (take) => {
        arrive();
        await new Promise<void>((done) => (release = done));
        return take();
      };
    });
    const attempt = step(slow);
    await arrived;
    await drain(fast);
    expect(healthy.taken.length).toBe((await chain()).length);
    await post(slow, "pause");
    release();
    expect(await attempt).toBe(0);
    expect(await rowOf(slow)).toMatchObject({ delivered_through: 0, version: 2 });
  });
});

describe("the credentials of a stream", () => {
  beforeEach(asleep);

  it.each(["s3", "splunk", "datadog", "elastic"] as const)("are needed again when the host of %s changes", async (kind) => {
    const { id } = await newStream(world, kind, receiver);
    const {
      secretAccessKey: _,
      token: __,
      apiKey: ___,
      ...others
    } = destinations[kind]("http://localhost:9199") as Record<string, unknown>;
    const json = { destination: others };
    expect(await refused(400, "PATCH", `${STREAMS}/${id}`, { token: world.admin, json })).toContain("is required again");
    const same = { ...others, url: receiver.url };
    expect(await patch(id, { destination: same })).toMatchObject({ hasSecret: true, destination: { url: receiver.url } });
    expect(await patch(id, { destination: destinations[kind]("http://localhost:9199") })).toMatchObject({
      destination: { url: "http://localhost:9199" },
    });
  });

  it("of an address do not go to another host", async () => {
    const other = new Receiver(9103);
    reachable(receiver, other);
    const { id, secret } = await newStream(world, "https", receiver, {
      destination: { ...destinations.https(receiver.url), authorization: "Bearer of-the-first" },
    });
    await drain(id);
    expect(receiver.requests[0]!.headers.get("Authorization")).toBe("Bearer of-the-first");
    await patch(id, { destination: { kind: "https" }, name: "renamed" });
    await drain(id);
    expect(receiver.requests.at(-1)!.headers.get("Authorization")).toBe("Bearer of-the-first");
    const moved = await patch(id, { destination: { kind: "https", url: `${other.url}/elsewhere` } });
    expect(moved.secret).toBeDefined();
    expect(moved.secret).not.toBe(secret);
    other.secret = moved.secret;
    await drain(id);
    expect(other.taken.length).toBeGreaterThan(0);
    expect(other.requests[0]!.headers.get("Authorization")).toBeNull();
    expect(other.requests[0]!.url).toBe(`${other.url}/elsewhere`);
  });

  it("are encrypted again under a new master key, and a lost master key is said", async () => {
    const { id } = await newStream(world, "splunk", receiver);
    await written();
    const [current = "", old = ""] = bindings.ENCRYPTION_KEYS.split(",");
    const before = (await rowOf(id))!["credentials"];
    await step(id, { ...bindings, ENCRYPTION_KEYS: `${old},${current}` });
    expect((await rowOf(id))!["credentials"]).not.toBe(before);
    await addRecords(1);
    await step(id, { ...bindings, ENCRYPTION_KEYS: current });
    expect((await get(id)).failing?.error).toBe("The stored credential cannot be read any more: set it again.");
  });
});

describe("the right to streams", () => {
  beforeEach(asleep);

  it("is one of administrators who are people; a caller that may export the log sees the streams", async () => {
    const { id } = await newStream(world, "splunk", receiver);
    const { tokenValue: machine } = await newOrgToken(world, "machine", { admin: true });
    const json = { name: "x", destination: destinations.splunk(receiver.url) };
    expect((await ok<{ streams: Stream[] }>("GET", STREAMS, { token: machine })).streams).toHaveLength(1);
    expect(await refused(403, "POST", STREAMS, { token: machine, json })).toContain("only a person may set up or change streams");
    for (const action of ["pause", "resume", "test", "restart"])
      await refused(403, "POST", `${STREAMS}/${id}/${action}`, { token: machine, json: { from: 1 } });
    await refused(403, "DELETE", `${STREAMS}/${id}`, { token: machine });
    await refused(403, "GET", STREAMS, { token: world.member });
    await refused(404, "GET", STREAMS, { token: world.stranger });
    const globex = `/api/orgs/globex/audit-streams/${id}`;
    for (const [method, path] of [
      ["GET", globex],
      ["DELETE", globex],
      ["POST", `${globex}/pause`],
      ["POST", `${globex}/test`],
    ] as const)
      await refused(404, method, path, { token: world.stranger, ...(method === "POST" && { json: {} }) });
    expect(await rowOf(id)).toMatchObject({ paused_at: null, version: 1 });
  });
});

describe("an organization whose edition no longer includes exports", () => {
  beforeEach(asleep);

  it("sees, pauses and deletes its streams, and neither changes, resumes, restarts, tests nor makes one", async () => {
    const { id } = await newStream(world, "splunk", receiver);
    const past = Date.now() - 1;
    await env.DB.prepare("UPDATE organizations SET edition = 'team', trial_ends_at = ?, settings_version = settings_version + 1")
      .bind(past)
      .run();
    const token = world.admin;
    for (const [method, path, json] of [
      ["POST", STREAMS, { name: "x", destination: destinations.splunk(receiver.url) }],
      ["PATCH", `${STREAMS}/${id}`, { name: "x" }],
      ["POST", `${STREAMS}/${id}/resume`, {}],
      ["POST", `${STREAMS}/${id}/test`, {}],
      ["POST", `${STREAMS}/${id}/restart`, { from: 1 }],
    ] as const)
      expect(await refused(400, method, path, { token, json })).toContain("Enterprise");
    expect((await ok<{ streams: Stream[] }>("GET", STREAMS, { token })).streams).toMatchObject([{ id }]);
    expect(await post(id, "pause")).toMatchObject({ id, paused: { reason: "asked" } });
    await ok("DELETE", `${STREAMS}/${id}`, { token });
  });
});

describe("the revocation of the credential that set up a stream, with everything created with it,", () => {
  beforeEach(asleep);

  it("pauses the stream, names it, and an administrator can resume it", async () => {
    const { id: tokenId, tokenValue } = await ok<{ id: string; tokenValue: string }>("POST", "/api/user/tokens", { token: world.admin });
    const { id } = await newStream({ ...world, admin: tokenValue }, "splunk", receiver);
    await drain(id);
    const { created } = await ok<{ created: { items: { kind: string; name: string }[] } }>("GET", `/api/user/tokens/${tokenId}/impact`, {
      token: world.admin,
    });
    expect(created.items).toMatchObject([{ kind: "stream", name: "to splunk" }]);
    const events = await eventsOf(() => ok("DELETE", `/api/user/tokens/${tokenId}?withDescendants=true`, { token: world.admin }));
    expect(events.map(({ description }) => description).join()).toContain(`audit stream "to splunk" (${id})`);
    expect(await get(id)).toMatchObject({ paused: { reason: "revoked" } });
    const before = receiver.taken.length;
    await step(id);
    expect(receiver.taken).toHaveLength(before);
    await post(id, "resume");
    await drain(id);
    expect(sequences()).toEqual((await chain()).map(({ seq }) => seq));
  });

  it("marks a stream that was paused before, and the administrator who resumes it is responsible for it", async () => {
    const { id: tokenId, tokenValue } = await ok<{ id: string; tokenValue: string }>("POST", "/api/user/tokens", { token: world.admin });
    const { id } = await newStream({ ...world, admin: tokenValue }, "splunk", receiver);
    await post(id, "pause");
    const events = await eventsOf(() => ok("DELETE", `/api/user/tokens/${tokenId}?withDescendants=true`, { token: world.admin }));
    expect(events.map(({ description }) => description).join()).toContain(`audit stream "to splunk" (${id})`);
    expect(await get(id)).toMatchObject({ paused: { reason: "revoked" } });
    await post(id, "resume");
    expect((await rowOf(id))!["made_with"]).not.toBe(tokenId);
  });

  it("counts also when it happens while the stream is resumed", async () => {
    const { id } = await newStream(world, "splunk", receiver);
    await post(id, "pause");
    await env.DB.prepare("UPDATE audit_streams SET made_with = 'gone'").run();
    const stop = afterEachBatch("UPDATE audit_streams SET paused_for = 'revoked' WHERE paused_at IS NOT NULL");
    await post(id, "resume");
    stop();
    expect((await rowOf(id))!["made_with"]).not.toBe("gone");
  });
});

describe("bad input", () => {
  beforeEach(asleep);

  const good = { name: "a", destination: destinations.splunk("http://localhost:9100") };
  const s3 = (more: Record<string, unknown>) => ({ ...good, destination: { ...destinations.s3("http://localhost:9100"), ...more } });
  const splunk = (more: Record<string, unknown>) => ({ ...good, destination: { ...good.destination, ...more } });
  const bad: [string, unknown][] = [
    ["nothing", {}],
    ["a list", []],
    ["no destination", { name: "a" }],
    ["no name", { ...good, name: "" }],
    ["a long name", { ...good, name: "a".repeat(101) }],
    ["a name that is a number", { ...good, name: 1 }],
    ["a name with a line break", { ...good, name: "a\nb" }],
    ["a name with a zero byte", { ...good, name: "a\0b" }],
    ["a name with half a character", { ...good, name: "a\ud800" }],
    ["an address that cannot have a bucket in front", s3({ url: "https://198.41.0.4", pathStyle: false })],
    ["an IPv6 address that cannot have a bucket in front", s3({ url: "https://[2606:4700::1111]", pathStyle: false })],
    ["an unknown kind", splunk({ kind: "ftp" })],
    ["an unknown format", { ...good, format: "xml" }],
    ["a format that Splunk does not take", { ...good, format: "cef" }],
    ["record 0", { ...good, from: 0 }],
    ["half a record", { ...good, from: 1.5 }],
    ["a record that does not exist yet", { ...good, from: 1_000_000 }],
    ["no URL", splunk({ url: "" })],
    ["a URL of a file", splunk({ url: "file:///etc/passwd" })],
    ["plain HTTP", splunk({ url: "http://splunk.example.com" })],
    ["a private address", splunk({ url: "https://10.0.0.1" })],
    ["the metadata service", splunk({ url: "https://169.254.169.254" })],
    ["a user in the URL", splunk({ url: "https://user:password@splunk.example.com" })],
    ["a user in the URL of an address", { ...good, destination: { kind: "https", url: "https://user@example.com/in" } }],
    ["a path that we choose", splunk({ url: "https://splunk.example.com/services" })],
    ["a long URL", splunk({ url: `https://${"a".repeat(1000)}.com` })],
    ["no token", splunk({ token: undefined })],
    ["a token with a line break", splunk({ token: "a\r\nX-Other: b" })],
    ["a token that is a number", splunk({ token: 5 })],
    ["no key", s3({ secretAccessKey: undefined })],
    ["a short bucket", s3({ bucket: "ab" })],
    ["a bucket with a slash", s3({ bucket: "a/b" })],
    ["a region with a slash", s3({ region: "eu/1" })],
    ["a prefix with control characters", s3({ prefix: "a\n" })],
    ["a prefix that leads elsewhere", s3({ prefix: "a/../b" })],
    ["a host that the bucket makes private", s3({ url: "https://internal", bucket: "foo", pathStyle: false })],
    ["an address without URL", { ...good, destination: { kind: "https" } }],
    ["a header with a line break", { ...good, destination: { ...destinations.https("http://localhost:9100"), authorization: "a\nb" } }],
    ["an index in upper case", { ...good, destination: { ...destinations.elastic("http://localhost:9100"), index: "Audit" } }],
  ];
  it("is refused, and no stream is made", async () => {
    for (const [what, json] of bad) expect([what, (await call("POST", STREAMS, { token: world.admin, json })).status]).toEqual([what, 400]);
    expect((await ok<{ streams: Stream[] }>("GET", STREAMS, { token: world.admin })).streams).toEqual([]);
  });

  it("in a URL is no fault of the server, and reaches no private address", async () => {
    const urls = [
      "https://[::1",
      "https://a..b",
      "https://.example.com",
      "https://-a.example",
      "https://xn--a.example",
      "https://%",
      "https://a b.example",
      "https://ex%41mple.com",
      "https://example.com:99999",
      "https://example.com:0",
      "https:example.com",
      "https:\\\\example.com",
      "//example.com",
      "https://１２７.0.0.1",
      "https://0x7f.1",
      "https://2130706433",
      "https://[::ffff:10.0.0.1]",
      "https://[fd00::1]",
      "https://10.0.0.1.",
      "https://localhost.",
      "https://a.internal",
      "javascript:alert(1)",
      "data:,x",
      "https://example.com/?#",
      "https://例え.jp",
      "https://example.com.",
      "https://a\0.com",
      " https://example.com ",
    ];
    const privates = /127|10\.0|fd00|localhost|internal|0x7f|2130706433/;
    const local = bindings.LOCAL_DEVELOPMENT;
    Object.assign(bindings, { LOCAL_DEVELOPMENT: "false" });
    onTestFinished(() => void Object.assign(bindings, { LOCAL_DEVELOPMENT: local }));
    for (const kind of kinds)
      for (const url of urls)
        for (const pathStyle of kind === "s3" ? [true, false] : [true]) {
          const destination = { ...destinations[kind]("https://x"), url, ...(kind === "s3" && { pathStyle }) };
          const answer = await call("POST", STREAMS, { token: world.admin, json: { name: "a", destination } });
          const text = await answer.text();
          expect([kind, url, answer.status === 400 || answer.status === 200, text]).toEqual([kind, url, true, text]);
          if (privates.test(url)) expect([kind, url, answer.status]).toEqual([kind, url, 400]);
          if (answer.status === 200) await ok("DELETE", `${STREAMS}/${(JSON.parse(text) as { id: string }).id}`, { token: world.admin });
        }
  });

  it("of a change is refused, and the stream stays", async () => {
    const { id } = await newStream(world, "splunk", receiver);
    const token = world.admin;
    const path = `${STREAMS}/${id}`;
    for (const json of [{ newSecret: true }, { destination: destinations.https(receiver.url) }, { name: 5 }, { format: "ocsf" }, []])
      await refused(400, "PATCH", path, { token, json });
    for (const json of [{}, { from: 0 }, { from: 1e6 }, { from: "now" }]) await refused(400, "POST", `${path}/restart`, { token, json });
    await newStream(world, "https", receiver, { name: "taken" });
    expect(await refused(409, "PATCH", path, { token, json: { name: "Taken" } })).toContain("already has an audit stream");
    expect((await rowOf(id))!["version"]).toBe(1);
    for (const [method, action] of [
      ["PATCH", ""],
      ["DELETE", ""],
      ["POST", "/pause"],
      ["POST", "/resume"],
      ["POST", "/test"],
    ] as const)
      await refused(404, method, `${STREAMS}/unknown${action}`, { token, json: {} });
    await refused(404, "POST", `${STREAMS}/unknown/restart`, { token, json: { from: 1 } });
  });

  it("a name that is taken, and one stream too many, are refused", async () => {
    await newStream(world, "splunk", receiver);
    const json = { name: "TO SPLUNK", destination: destinations.splunk(receiver.url) };
    expect((await call("POST", STREAMS, { token: world.admin, json })).status).toBe(409);
    for (let i = 1; i < 20; i++) await newStream(world, "splunk", receiver, { name: `s-${i}` });
    expect(await refused(400, "POST", STREAMS, { token: world.admin, json: { ...json, name: "one more" } })).toContain("at most 20");
  });
});
