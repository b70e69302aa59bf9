import { type SQL, getTableColumns, inArray, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import { PreconditionFailed, type Store, UniqueViolation, batch, onlyIf, openStore } from "../db/client.ts";
import { placesOf } from "../db/places.ts";
import type { Bindings } from "../env.ts";
import { type Archive, readArchive } from "./archived.ts";
import { type ChainRecord, type Head, chainAfter, genesis } from "./chain.ts";
import { type AuditEvent, forgetPromises } from "./record.ts";
import { auditEvents, auditHeads } from "./table.ts";
import { wakeStreams } from "./wakeStreams.ts";
import { wakeWebhooks } from "./wakeWebhooks.ts";

/**
 * Maximum number of characters of a statement's parameter, which has at most 2 MB (platform-facts D-2): a character has at most 3 bytes.
 */
const MAX_PARAMETER = 600_000;
/** Maximum number of attempts. An attempt fails when another consumer writes first, so there are as many attempts as consumers. */
const TRIES = 10;

/**
 * Appends events to their organizations' chains: each event once, however often it is delivered. One transaction updates the head, inserts
 * the rows and deletes the outbox rows, and fails if the head has changed since it was read: of two concurrent consumers, one retries.
 * @throws NotWritten when the chains could be read and these events could not be written
 */
export async function appendToChains(env: Bindings, events: AuditEvent[]): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await appendOnce(env, events);
    } catch (error) {
      if (!isMoved(error) || tries === TRIES) throw error;
    }
  }
}

/** The chains could be read, and these events could not be written: perhaps one of them can never be written. */
export class NotWritten extends Error {}

async function appendOnce(env: Bindings, events: AuditEvent[]): Promise<void> {
  const store = openStore(env);
  const { heads, known, archives, streams, withWebhooks, here } = await readChains(store, events, placesOf(env).length > 1);

  try {
    const fresh = await withoutKnown(env, events, known, archives);
    if (here && fresh.some(({ orgId }) => !here.includes(orgId)))
      throw new Error("the database does not have the organization of an event");
    const rows = fresh.length > 0 ? writeChains(store, heads, fresh) : [];
    await batch(store, [forgetPromises(store, events), ...rows]);
  } catch (error) {
    throw isMoved(error) ? error : new NotWritten("audit events were not written", { cause: error });
  }
  await wakeStreams(env, streams);
  await wakeWebhooks(env, withWebhooks);
}

/** The facts about the chains that a batch of events needs before it is written. */
interface Chains {
  heads: (Head & { orgId: string })[];
  /** Ids of the events that the log has already. */
  known: string[];
  /** The objects in the archive that may have some of the events. */
  archives: Archive[];
  /** Ids of the streams, and of the organizations with webhooks, that are notified of new records. */
  streams: string[];
  withWebhooks: string[];
  /**
   * The organizations of the events that the database has; null if the deployment has one database. If an operator has exchanged two bindings, an
   * event must not begin a second log in the wrong database.
   */
  here: string[] | null;
}

/** Reads what is known of the chains with one statement, because a batch is written every second and often has only one event. */
async function readChains(store: Store, events: AuditEvent[], hasOthers: boolean): Promise<Chains> {
  const places = JSON.stringify(events.map(({ id, orgId, at }) => ({ id, orgId, at })));
  const ofOrgs = sql`org_id IN (SELECT value->>'orgId' FROM json_each(${places}))`;
  const list = (name: string, item: SQL, from: SQL) => sql<string>`(SELECT json_group_array(${item}) FROM ${from})`.as(name);
  const [[row]] = await batch(store, [
    store.db
      .select({
        heads: list("heads", sql`json_object('orgId', org_id, 'seq', seq, 'hash', hash)`, sql`audit_heads WHERE ${ofOrgs}`),
        known: list("known", sql`id`, sql`audit_events WHERE id IN (SELECT value->>'id' FROM json_each(${places}))`),
        archives: list(
          "archives",
          sql`json_object('orgId', org_id, 'firstSeq', first_seq, 'lastSeq', last_seq, 'firstAt', first_at, 'lastAt', last_at, 'key', key)`,
          sql`audit_archives WHERE ${ofOrgs} AND EXISTS (SELECT 1 FROM json_each(${places}) AS place WHERE place.value->>'orgId' = audit_archives.org_id
            AND place.value->>'at' BETWEEN audit_archives.first_at AND audit_archives.last_at)`,
        ),
        streams: list("streams", sql`id`, sql`audit_streams WHERE ${ofOrgs} AND paused_at IS NULL`),
        withWebhooks: list("with_webhooks", sql`org_id`, sql`webhook_cursors WHERE ${ofOrgs}`),
        here: hasOthers
          ? list("here", sql`id`, sql`organizations WHERE id IN (SELECT value->>'orgId' FROM json_each(${places}))`)
          : sql<string>`'null'`.as("here"),
      })
      .from(sql`(SELECT 1)`),
  ]);
  return Object.fromEntries(Object.entries(row!).map(([name, text]) => [name, JSON.parse(text) as unknown])) as unknown as Chains;
}

/** Another consumer wrote first, or the end of the chain differs from its head. */
export const isMoved = (error: unknown) => error instanceof PreconditionFailed || error instanceof UniqueViolation;

async function withoutKnown(env: Bindings, events: AuditEvent[], known: string[], archives: Archive[]): Promise<AuditEvent[]> {
  const seen = new Set(known);
  // A message may be delivered again after its record was archived. This is rare, because retention is counted in days.
  for (const archive of archives) for (const record of await readArchive(env.STATE, archive)) seen.add(String(record["id"]));
  return [...new Map(events.filter((event) => !seen.has(event.id)).map((event) => [event.id, event])).values()];
}

/** Statements that update the heads and insert the rows. */
function writeChains(store: Store, heads: (Head & { orgId: string })[], events: AuditEvent[]): BatchItem<"sqlite">[] {
  const before = new Map(heads.map(({ orgId, seq, hash }) => [orgId, { seq, hash }]));
  const after = new Map(before);
  const rows: (AuditEvent & ChainRecord)[] = [];
  for (const event of [...events].sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))) {
    const record = chainAfter(after.get(event.orgId) ?? genesis, event);
    after.set(event.orgId, record);
    rows.push({ ...event, seq: record.seq, prevHash: record.prevHash, hash: record.hash });
  }
  return [...moveHeads(store, before, after), ...rowsIn(store, rows)];
}

/** Compare-and-set: fails the batch unless every head is unchanged, then updates the heads. */
function moveHeads(store: Store, before: Map<string, Head>, after: Map<string, Head>) {
  const moves = [...after]
    .filter(([orgId, head]) => before.get(orgId)?.hash !== head.hash)
    .map(([orgId, { seq, hash }]) => ({ orgId, seq, hash, from: (before.get(orgId) ?? genesis).hash }));
  const heads = JSON.stringify(moves);
  const isUnmoved = sql`coalesce((SELECT hash FROM audit_heads WHERE org_id = value->>'orgId'), ${genesis.hash}) = value->>'from'`;
  return [
    store.db
      .insert(auditHeads)
      .select(
        sql`SELECT value->>'orgId', ${onlyIf(isUnmoved, sql`value->>'seq'`)}, value->>'hash', 0, 0, '' FROM json_each(${heads}) WHERE true`,
      )
      .onConflictDoUpdate({ target: auditHeads.orgId, set: { seq: sql`excluded.seq`, hash: sql`excluded.hash` } }),
  ] as const;
}

/** The columns in the table's order, from an element of a JSON array. */
const values = sql.raw(
  Object.keys(getTableColumns(auditEvents))
    .map((name) => `value->>'${name}'`)
    .join(", "),
);

function rowsIn(store: Store, rows: object[]): BatchItem<"sqlite">[] {
  const inserts: BatchItem<"sqlite">[] = [];
  let part: string[] = [];
  let length = 0;
  const flush = () => {
    if (part.length > 0) inserts.push(store.db.insert(auditEvents).select(sql`SELECT ${values} FROM json_each(${`[${part.join(",")}]`})`));
    part = [];
    length = 0;
  };
  for (const text of rows.map((row) => JSON.stringify(row))) {
    if (length + text.length > MAX_PARAMETER) flush();
    part.push(text);
    length += text.length;
  }
  flush();
  return inserts;
}

/**
 * Adds rows that are older than the chain to it, in the order of their time. From then on the chain protects them like all others; earlier
 * changes to them cannot be detected.
 * @returns how many
 */
export async function chainOlderRows(env: Bindings, size = 200): Promise<number> {
  const store = openStore(env);
  const [rows] = await batch(store, [
    store.db
      .select()
      .from(auditEvents)
      .where(sql`${auditEvents.seq} IS NULL AND ${auditEvents.orgId} = (SELECT org_id FROM audit_events WHERE seq IS NULL LIMIT 1)`)
      .orderBy(auditEvents.at, auditEvents.id)
      .limit(size),
  ]);
  const orgId = rows[0]?.orgId;
  if (orgId === undefined) return 0;
  const [heads] = await batch(store, [
    store.db
      .select()
      .from(auditHeads)
      .where(inArray(auditHeads.orgId, [orgId])),
  ]);
  let head: Head = heads[0] ?? genesis;
  const before = new Map(heads.map((row) => [orgId, row]));
  const updates: BatchItem<"sqlite">[] = [];
  for (const { seq: _, prevHash: __, hash: ___, ...event } of rows) {
    const { seq, prevHash, hash } = chainAfter(head, event);
    head = { seq, hash };
    updates.push(
      store.db
        .update(auditEvents)
        .set({ seq, prevHash, hash })
        .where(sql`${auditEvents.id} = ${event.id} AND ${auditEvents.seq} IS NULL`),
    );
  }
  await batch(store, [...moveHeads(store, before, new Map([[orgId, head]])), ...updates]);
  return rows.length;
}
