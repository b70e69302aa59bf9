import { eq } from "drizzle-orm";
import { type Listed, getCheckpoint, listDays, publicKeys } from "../audit/checkpoint.ts";
import { signatureOf } from "../audit/sign.ts";
import { auditHeads } from "../audit/table.ts";
import { type Store, batch } from "../db/client.ts";
import type { Bindings } from "../env.ts";

/** Maximum number of objects that one call reads. */
const MOST_CHECKPOINTS = 100;

/** An organization's log, for the API or for the cron. */
export interface Log {
  env: Bindings;
  store: Store;
  org: { id: string };
}

/** A record whose checkpoint shows that the log was changed. */
export interface BadRecord {
  sequence: number;
  fault: "truncated" | "checkpoint" | "signature";
}

/** The result of verifying the checkpoints of a part of the chain. */
export interface Attested {
  /** Signed by a listed key, and correct. */
  verified: number;
  /** Signed by a key that is not listed. */
  unverifiable: number;
  /** Named by the next checkpoint, or by the chain's head, but missing. */
  missing: number;
  firstFault?: { sequence: number; fault: "unverifiable" | "missing"; description: string } | undefined;
}

export const nothingAttested: Attested = { verified: 0, unverifiable: 0, missing: 0 };

export interface Due {
  from: number;
  /** The last record to check. */
  end: number;
  /** Whether the chain ends there: then checkpoints of later records are checked too. */
  isLast: boolean;
  /** The objects to read. */
  objects: Listed[];
  /** Every day that has an object. */
  days: Set<string>;
}

/** The checkpoints of a part of the chain. The part is shortened when it has too many. */
export async function checkpointsOf(ctx: Log, { from, to, isLast }: { from: number; to: number; isLast: boolean }): Promise<Due> {
  const listed = await listDays(ctx.env, ctx.org.id);
  const days = new Set(listed.map(({ day }) => day));
  // An object without a row is always checked.
  const behind = listed.filter(({ seq }) => seq === undefined || seq >= from).sort((a, b) => (a.seq ?? 0) - (b.seq ?? 0));
  const last = behind[MOST_CHECKPOINTS]?.seq;
  const isCut = last !== undefined && last <= to && last > from;
  const end = isCut ? last - 1 : to;
  const objects = behind.filter(({ seq }) => seq === undefined || seq <= end || (isLast && !isCut));
  return { from, end, isLast: isLast && !isCut, objects, days };
}

interface Noted {
  seq: number;
  checkpointSeq: number;
  checkpointDay: string;
}

/**
 * Verifies checkpoints by their signatures, by the hashes of the records, and against each other.
 * @param goesOn whether to go on after a bad record
 */
export async function verifyCheckpoints(ctx: Log, due: Due, head: Noted, hashes: Map<number, string>, goesOn = false) {
  const { from, end, isLast, objects, days } = due;
  const isDue = (seq: number) => seq >= from && (isLast || seq <= end);
  const keys = await publicKeys(ctx.env);
  const found: Attested & { bad: BadRecord[]; missingOf: number[] } = { ...nothingAttested, bad: [], missingOf: [] };
  const checkpoints = await Promise.all(
    objects.map(async (object) => ({ ...object, checkpoint: await getCheckpoint(ctx.env, ctx.org.id, object.day) })),
  );
  for (const { day, seq: noted, checkpoint } of checkpoints) {
    const isBad = (sequence: number, fault: BadRecord["fault"]) => void found.bad.push({ sequence, fault });
    if (found.bad.length > 0 && !goesOn) return found;
    if (!checkpoint || checkpoint.day !== day || checkpoint.orgId !== ctx.org.id || (noted ?? checkpoint.seq) !== checkpoint.seq) {
      // An object without a number is looked at with every part of the chain.
      if (noted !== undefined || from === 1 || !goesOn) isBad(noted ?? from, "signature");
      continue;
    }
    const { seq: sequence, hash, previousDay, previousSeq } = checkpoint;
    if (!isDue(sequence)) continue;
    const signature = await signatureOf(checkpoint, keys);
    if (signature === "bad") isBad(sequence, "signature");
    else if (sequence > head.seq && signature === "good" && (await isTruncated(ctx, sequence))) isBad(head.seq + 1, "truncated");
    else if (sequence <= head.seq && hashes.get(sequence) !== hash) isBad(sequence, "checkpoint");
    else {
      if (signature === "good") found.verified++;
      else {
        found.unverifiable++;
        const description = `the checkpoint of ${day} is signed with key ${checkpoint.keyId}, which is not listed`;
        found.firstFault ??= { sequence, fault: "unverifiable", description };
      }
      if (previousDay !== undefined && !days.has(previousDay)) miss(previousDay, previousSeq ?? sequence);
    }
  }
  if (found.bad.length > 0 && !goesOn) return found;
  if (head.checkpointDay !== "" && isDue(head.checkpointSeq) && !days.has(head.checkpointDay)) miss(head.checkpointDay, head.checkpointSeq);
  return found;

  function miss(day: string, sequence: number) {
    found.missing++;
    found.missingOf.push(sequence);
    found.firstFault ??= { sequence, fault: "missing", description: `the checkpoint of ${day} is missing` };
  }
}

/** Whether a checkpoint names a record that does not exist. A record may be newer than the head that was read. */
async function isTruncated(ctx: Log, sequence: number): Promise<boolean> {
  const [heads] = await batch(ctx.store, [
    ctx.store.db.select({ seq: auditHeads.seq }).from(auditHeads).where(eq(auditHeads.orgId, ctx.org.id)),
  ]);
  return (heads[0]?.seq ?? 0) < sequence;
}
