import { eq, sql } from "drizzle-orm";
import { type Archive, findArchive } from "../audit/archived.ts";
import { nobody } from "../audit/behalf.ts";
import { type ChainFinding, type ChainRecord, type Head, recordOf } from "../audit/chain.ts";
import { selectFrom } from "../audit/fromChain.ts";
import { auditEvent, auditStatement } from "../audit/record.ts";
import { relayEvents } from "../audit/relay.ts";
import { auditChecks, auditFaults, auditHeads } from "../audit/table.ts";
import { PreconditionFailed, type Store, batch, failUnless, openStore } from "../db/client.ts";
import type { Bindings } from "../env.ts";
import { logError } from "../log.ts";
import { organizations } from "../orgs/table.ts";
import { MOST_RECORDS, faults, recompute } from "./verify.ts";
import { checkpointsOf, verifyCheckpoints } from "./verifyCheckpoints.ts";

/** Maximum number of parts that one run of the cron examines; each has at most a thousand records and a hundred checkpoints. */
const PER_RUN = 5;
/** Maximum number of faults of an organization that are stored and reported. */
export const MOST_FAULTS = 100;
/** Maximum number of faults that an event describes one by one. */
const MOST_TOLD = 5;

export interface Finding {
  sequence: number;
  fault: ChainFinding;
}

/**
 * Some parts of the daily check, which examines each organization's whole log as `VerifyAuditLogs` does, from the first record on. Organizations
 * that waited longest come first. A fault is recorded once, with the event `audit-chain-broken`, for as long as it is there.
 * @returns how many parts were examined
 */
export async function checkChains(env: Bindings, now: number): Promise<number> {
  const store = openStore(env);
  const day = new Date(now).toISOString().slice(0, 10);
  const { version, seq, hash, isDone, triedAt } = auditChecks;
  const [due] = await batch(store, [
    store.db
      .select({ orgId: organizations.id, version, day: auditChecks.day, seq, hash, isDone })
      .from(organizations)
      .leftJoin(auditChecks, eq(auditChecks.orgId, organizations.id))
      .where(sql`${auditChecks.orgId} IS NULL OR ${auditChecks.day} < ${day} OR NOT ${isDone}`)
      .orderBy(sql`coalesce(${triedAt}, 0)`, organizations.id)
      .limit(PER_RUN),
  ]);
  let failure: unknown;
  for (const row of due) {
    // A check that has begun on an earlier day goes on.
    const begun = row.version !== null && !row.isDone ? { day: row.day ?? day, seq: row.seq ?? 0, hash: row.hash ?? "" } : undefined;
    const check = { orgId: row.orgId, version: row.version ?? 0, now, ...(begun ?? { day, seq: 0, hash: "" }) };
    try {
      await checkPart(env, store, check);
    } catch (error) {
      // Another run of the cron was faster.
      if (error instanceof PreconditionFailed) continue;
      failure = error;
      logError("the check of an audit log will be repeated", error, { orgId: row.orgId });
      await batch(store, [noteTry(store, check)]);
    }
  }
  if (failure) throw failure;
  return due.length;
}

/** How far the check of an organization has come. */
interface Check {
  orgId: string;
  version: number;
  now: number;
  day: string;
  seq: number;
  hash: string;
}

async function checkPart(env: Bindings, store: Store, check: Check): Promise<void> {
  const { orgId, version, day, now } = check;
  const { findings, reached, isDone } = await examine(env, store, check);
  const [known] = await batch(store, [store.db.select().from(auditFaults).where(eq(auditFaults.orgId, orgId))]);
  const isKnown = ({ sequence, fault }: Finding) => known.some((row) => row.seq === sequence && row.fault === fault);
  const fresh = findings.filter((finding) => !isKnown(finding)).slice(0, Math.max(0, MOST_FAULTS - known.length));
  const stored = JSON.stringify([...findings.filter(isKnown), ...fresh]);
  const event = auditEvent({ now, address: "" }, orgId, nobody, { event: "audit-chain-broken", description: inWords(fresh) });
  const row = { version: version + 1, day, seq: reached.seq, hash: reached.hash, triedAt: now, isDone };
  const isCurrent = sql`coalesce((SELECT version FROM audit_checks WHERE org_id = ${orgId}), 0) = ${version}`;
  await batch(store, [
    store.db.select({ holds: failUnless(isCurrent) }).from(sql`(SELECT 1)`),
    store.db
      .insert(auditChecks)
      .values({ orgId, ...row })
      .onConflictDoUpdate({ target: auditChecks.orgId, set: row }),
    store.db
      .insert(auditFaults)
      .select(sql`SELECT ${orgId}, value->>'sequence', value->>'fault', ${now}, ${day} FROM json_each(${stored}) WHERE true`)
      .onConflictDoUpdate({ target: [auditFaults.orgId, auditFaults.seq, auditFaults.fault], set: { day } }),
    // A fault that the whole check did not find again is repaired.
    store.db.delete(auditFaults).where(sql`${isDone ? 1 : 0} AND ${auditFaults.orgId} = ${orgId} AND ${auditFaults.day} < ${day}`),
    ...(fresh.length > 0 ? [auditStatement(store, event)] : []),
  ]);
  if (fresh.length === 0) return;
  logError("an audit log is broken", new Error(event.description), { orgId });
  await relayEvents(env, [event.id]);
}

/** Notes a failed try, so that other organizations come first. */
const noteTry = (store: Store, { orgId, version, day, seq, hash, now }: Check) =>
  store.db
    .insert(auditChecks)
    .values({ orgId, version: version + 1, day, seq, hash, triedAt: now, isDone: false })
    .onConflictDoUpdate({ target: auditChecks.orgId, set: { triedAt: now } });

interface Examined {
  /** Each once. */
  findings: Finding[];
  /** Where the next part continues; `hash` is "" if the record there is missing. */
  reached: Head;
  isDone: boolean;
}

/** Examines the next part of a log, and goes on after each fault. */
async function examine(env: Bindings, store: Store, check: Check): Promise<Examined> {
  const log = { env, store, org: { id: check.orgId } };
  const [heads] = await batch(store, [store.db.select().from(auditHeads).where(eq(auditHeads.orgId, check.orgId))]);
  const head = heads[0] ?? { seq: 0, hash: "", checkpointSeq: 0, checkpointDay: "" };
  const from = check.seq + 1;
  const findings: Finding[] = [];
  // The end of the chain was removed since the last part.
  if (from > head.seq + 1) return { findings: [{ sequence: head.seq + 1, fault: "truncated" }], reached: head, isDone: true };
  const to = Math.min(head.seq, from + MOST_RECORDS - 1);
  const due = await checkpointsOf(log, { from, to, isLast: to === head.seq });
  const hashes = new Map<number, string>();
  let reached: Head = { seq: due.end, hash: "" };
  try {
    const before = check.hash === "" ? undefined : { seq: check.seq, hash: check.hash };
    for await (const { sequence, record, fault } of recompute((next) => read(env, store, check.orgId, next), {
      from,
      end: due.end,
      before,
    })) {
      if (fault) findings.push({ sequence, fault });
      if (!record) continue;
      reached = { seq: record.seq, hash: record.hash };
      hashes.set(record.seq, record.hash);
    }
  } catch (error) {
    if (!(error instanceof BadArchive)) throw error;
    const { firstSeq, lastSeq } = error.archive;
    findings.push({ sequence: firstSeq, fault: "unreadable" });
    return { findings, reached: { seq: lastSeq, hash: "" }, isDone: lastSeq >= head.seq };
  }
  // There are no records up to the end of the part.
  if (reached.seq < due.end) reached = { seq: due.end, hash: "" };
  const isDone = due.end >= head.seq;
  if (isDone && reached.hash !== "" && reached.hash !== head.hash) findings.push({ sequence: head.seq, fault: "truncated" });
  const { bad, missingOf, firstFault } = await verifyCheckpoints(log, due, head, hashes, true);
  findings.push(...bad, ...missingOf.map((sequence) => ({ sequence, fault: "unsigned" as const })));
  // All checkpoints of a key that is not listed are one fault of each part: they are a matter of the settings.
  if (firstFault?.fault === "unverifiable") findings.push({ sequence: firstFault.sequence, fault: "unsigned" });
  const once = new Map(findings.map((finding) => [`${finding.sequence} ${finding.fault}`, finding]));
  return { findings: [...once.values()], reached, isDone };
}

/** An object of the archive that is missing, or does not have its records. */
class BadArchive extends Error {
  readonly archive: Archive;
  constructor(archive: Archive) {
    super("an object of the archive is missing or unreadable");
    this.archive = archive;
  }
}

/** The next records of the chain. @throws BadArchive */
async function read(env: Bindings, store: Store, orgId: string, next: number): Promise<ChainRecord[]> {
  const [[archive], rows] = await batch(store, selectFrom(store, orgId, next, MOST_RECORDS));
  if (!archive || archive.lastSeq < next) return rows.map(recordOf);
  const records = (await findArchive(env.STATE, archive))?.filter(({ seq }) => seq >= next);
  if (!records || records.length === 0) throw new BadArchive(archive);
  return records;
}

function inWords(findings: Finding[]): string {
  const told = findings.slice(0, MOST_TOLD).map(({ sequence, fault }) => `record ${sequence}: ${faults[fault]}`);
  const more = findings.length > MOST_TOLD ? `; and ${findings.length - MOST_TOLD} more` : "";
  const count = findings.length === 1 ? "a fault" : `${findings.length} faults`;
  return `The daily check found ${count} in the audit log: ${told.join("; ")}${more}.`;
}
