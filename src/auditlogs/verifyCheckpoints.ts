import { eq } from "drizzle-orm";
import { type Listed, getCheckpoint, listDays, publicKeys } from "../audit/checkpoint.ts";
import { signatureOf } from "../audit/sign.ts";
import { auditHeads } from "../audit/table.ts";
import type { OrgContext } from "../context.ts";
import { batch } from "../db/client.ts";

/** Maximum number of objects that one call reads. */
const MOST_CHECKPOINTS = 100;

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
export async function checkpointsOf(ctx: OrgContext, { from, to, isLast }: { from: number; to: number; isLast: boolean }): Promise<Due> {
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

/** Verifies checkpoints by their signatures, by the hashes of the records, and against each other. */
export async function verifyCheckpoints(ctx: OrgContext, due: Due, head: Noted, hashes: Map<number, string>) {
  const { from, end, isLast, objects, days } = due;
  const isDue = (seq: number) => seq >= from && (isLast || seq <= end);
  const keys = await publicKeys(ctx.env);
  const found: Attested & { bad?: { sequence: number; fault: "truncated" | "checkpoint" | "signature" } } = { ...nothingAttested };
  const checkpoints = await Promise.all(
    objects.map(async (object) => ({ ...object, checkpoint: await getCheckpoint(ctx.env, ctx.org.id, object.day) })),
  );
  for (const { day, seq: noted, checkpoint } of checkpoints) {
    if (!checkpoint || checkpoint.day !== day || checkpoint.orgId !== ctx.org.id || (noted ?? checkpoint.seq) !== checkpoint.seq)
      return { ...found, bad: { sequence: noted ?? from, fault: "signature" as const } };
    const { seq: sequence, hash, previousDay, previousSeq } = checkpoint;
    if (!isDue(sequence)) continue;
    const signature = await signatureOf(checkpoint, keys);
    if (signature === "bad") return { ...found, bad: { sequence, fault: "signature" as const } };
    if (sequence > head.seq && signature === "good" && (await isTruncated(ctx, sequence)))
      return { ...found, bad: { sequence: head.seq + 1, fault: "truncated" as const } };
    if (sequence <= head.seq && hashes.get(sequence) !== hash) return { ...found, bad: { sequence, fault: "checkpoint" as const } };
    if (signature === "good") found.verified++;
    else {
      found.unverifiable++;
      const description = `the checkpoint of ${day} is signed with key ${checkpoint.keyId}, which is not listed`;
      found.firstFault ??= { sequence, fault: "unverifiable", description };
    }
    if (previousDay !== undefined && !days.has(previousDay)) miss(previousDay, previousSeq ?? sequence);
  }
  if (head.checkpointDay !== "" && isDue(head.checkpointSeq) && !days.has(head.checkpointDay)) miss(head.checkpointDay, head.checkpointSeq);
  return found;

  function miss(day: string, sequence: number) {
    found.missing++;
    found.firstFault ??= { sequence, fault: "missing", description: `the checkpoint of ${day} is missing` };
  }
}

/** Whether a checkpoint names a record that does not exist. A record may be newer than the head that was read. */
async function isTruncated(ctx: OrgContext, sequence: number): Promise<boolean> {
  const [heads] = await batch(ctx.store, [
    ctx.store.db.select({ seq: auditHeads.seq }).from(auditHeads).where(eq(auditHeads.orgId, ctx.org.id)),
  ]);
  return (heads[0]?.seq ?? 0) < sequence;
}
