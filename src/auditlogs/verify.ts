import { eq } from "drizzle-orm";
import * as z from "zod/mini";
import { type ChainFault, type ChainFinding, type ChainRecord, type Head, chainFaultOf } from "../audit/chain.ts";
import { auditHeads } from "../audit/table.ts";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { fromCursor, toCursor } from "../http/pagination.ts";
import { readChain } from "./read.ts";
import { type Attested, checkpointsOf, nothingAttested, verifyCheckpoints } from "./verifyCheckpoints.ts";

/** Maximum number of records that one call verifies. */
export const MOST_RECORDS = 1000;
/**
 * The cursor: the next sequence number, and the hash of the record before it. The client keeps it, so later calls are checked against it.
 */
const Cursor = z.tuple([z.int().check(z.minimum(1)), z.string()]);

/** The faults in words. */
export const faults = {
  unreadable: "its object in the archive is missing, incomplete or unreadable",
  unsigned: "its checkpoint is missing, or is signed with a key that is not listed",
  altered: "its hash does not match its content",
  missing: "records before it are missing",
  repeated: "an earlier record has the same sequence number",
  unlinked: "it does not link to the previous record",
  truncated: "the end of the chain is missing",
  checkpoint: "a signed checkpoint has a different hash for it",
  signature: "its checkpoint is not signed by this deployment",
} satisfies Record<ChainFinding, string>;

/**
 * Recomputes the chain from record `from` to record `to`, across archive and table, and compares it with the signed checkpoints in between:
 * a thousand records in each call, the rest with the cursor. It stops at the first faulty record. A checkpoint that is missing, or whose
 * key is not listed, makes the log invalid as well but does not stop the call, because the records may be correct.
 */
export async function verifyChain(
  ctx: OrgContext,
  query: { from?: number | undefined; to?: number | undefined; continuationToken?: string | undefined },
) {
  const cursor = fromCursor(query.continuationToken, Cursor);
  const from = cursor?.[0] ?? query.from ?? 1;
  const [heads] = await guarded(ctx, [ctx.store.db.select().from(auditHeads).where(eq(auditHeads.orgId, ctx.org.id))]);
  const head = heads[0] ?? { seq: 0, hash: "", checkpointSeq: 0, checkpointDay: "" };
  const to = Math.min(query.to ?? head.seq, head.seq);
  const due = await checkpointsOf(ctx, {
    from,
    to: Math.min(to, from + MOST_RECORDS - 1),
    isLast: to === head.seq && from + MOST_RECORDS > to,
  });
  const { end } = due;

  let before: Head | undefined = cursor && { seq: cursor[0] - 1, hash: cursor[1] };
  let verified = 0;
  const answer = (bad?: { sequence: number; fault: keyof typeof faults }, checkpoints: Attested = nothingAttested) => ({
    valid: bad === undefined && checkpoints.firstFault === undefined,
    verified,
    last: before && { sequence: before.seq, hash: before.hash },
    head: { sequence: head.seq, hash: head.hash },
    firstBad: bad && { ...bad, description: faults[bad.fault] },
    checkpoints,
    continuationToken: bad === undefined && before && before.seq < to ? toCursor([before.seq + 1, before.hash]) : undefined,
  });

  // An earlier call has checked the previous record, but the record is missing now.
  if (cursor && from > head.seq + 1) return answer({ sequence: head.seq + 1, fault: "truncated" });
  const hashes = new Map<number, string>();
  const read = (next: number) => readChain(ctx, next, MOST_RECORDS);
  for await (const one of recompute(read, { from, end, before })) {
    if (one.fault) return answer({ sequence: one.sequence, fault: one.fault });
    const { seq, hash } = one.record;
    before = { seq, hash };
    hashes.set(seq, hash);
    verified++;
  }
  if (end === head.seq && verified > 0 && before?.hash !== head.hash) return answer({ sequence: head.seq, fault: "truncated" });
  const { bad, missingOf: _, ...checkpoints } = await verifyCheckpoints(ctx, due, head, hashes);
  return answer(bad[0], checkpoints);
}

/** A record of the chain and its fault, if it has one; or the sequence number from which on there are no records. */
type Recomputed =
  | { sequence: number; record: ChainRecord; fault: ChainFault | undefined }
  | { sequence: number; record?: undefined; fault: "truncated" };

/**
 * Recomputes the chain from record `from` to record `end`.
 * @param read returns the next records from a sequence number on; none at the end of the chain
 * @param before the record before, if it is known
 */
export async function* recompute(
  read: (next: number) => Promise<ChainRecord[]>,
  { from, end, before }: { from: number; end: number; before: Head | undefined },
): AsyncGenerator<Recomputed> {
  for (let next = from, last = before; next <= end; next = last!.seq + 1) {
    const records = (await read(next)).filter(({ seq }) => seq <= end);
    if (records.length === 0) return yield { sequence: next, fault: "truncated" };
    for (const record of records) {
      const expected = last ?? (record.seq === from ? undefined : { seq: from - 1, hash: "" });
      yield { sequence: record.seq, record, fault: chainFaultOf(record, expected) };
      last = { seq: record.seq, hash: record.hash };
    }
  }
}
