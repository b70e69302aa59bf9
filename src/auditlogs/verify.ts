import { eq } from "drizzle-orm";
import * as z from "zod/mini";
import { type Head, faultOf } from "../audit/chain.ts";
import { checkpointsBetween } from "../audit/checkpoint.ts";
import { isSigned, signingKeys } from "../audit/sign.ts";
import { auditHeads } from "../audit/table.ts";
import { guard } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { fromCursor, toCursor } from "../http/pagination.ts";
import { readChain } from "./read.ts";

/** Records of one call. */
const PAGE = 1000;
/** The next place, and the hash of the record before it: the client's own memory of what it was told. */
const Cursor = z.tuple([z.int().check(z.minimum(1)), z.string()]);

/** What is wrong, in words for people. */
export const faults = {
  altered: "its content does not have its hash",
  missing: "records before it are missing",
  repeated: "its place was taken by a record before it",
  unlinked: "it does not follow from the record before it",
  truncated: "the end of the chain is missing",
  checkpoint: "a signed checkpoint has another hash for it",
  signature: "a checkpoint for it is not signed by this deployment",
};

/**
 * Recomputes the chain from record `from` to record `to`, across archive and table, and holds it against the signed checkpoints in
 * between. A thousand records a call; the rest with the cursor. Stops at the first bad record.
 */
export async function verifyChain(
  ctx: OrgContext,
  query: { from?: number | undefined; to?: number | undefined; continuationToken?: string | undefined },
) {
  const cursor = fromCursor(query.continuationToken, Cursor);
  const from = cursor?.[0] ?? query.from ?? 1;
  const [, heads] = await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now, ctx.org.id),
    ctx.store.db.select({ seq: auditHeads.seq, hash: auditHeads.hash }).from(auditHeads).where(eq(auditHeads.orgId, ctx.org.id)),
  ]);
  const head = heads[0] ?? { seq: 0, hash: "" };
  const to = Math.min(query.to ?? head.seq, head.seq);
  const end = Math.min(to, from + PAGE - 1);

  let before: Head | undefined = cursor && { seq: cursor[0] - 1, hash: cursor[1] };
  let verified = 0;
  const answer = (bad?: { sequence: number; fault: keyof typeof faults }) => ({
    valid: bad === undefined,
    verified,
    last: before && { sequence: before.seq, hash: before.hash },
    head: { sequence: head.seq, hash: head.hash },
    firstBad: bad && { ...bad, description: faults[bad.fault] },
    continuationToken: bad === undefined && before && before.seq < to ? toCursor([before.seq + 1, before.hash]) : undefined,
  });

  // The record before it was looked at, and is not there any more.
  if (cursor && from > head.seq + 1) return answer({ sequence: head.seq + 1, fault: "truncated" });
  const hashes = new Map<number, string>();
  for (let next = from; next <= end;) {
    const records = (await readChain(ctx, next, PAGE)).filter(({ seq }) => seq <= end);
    if (records.length === 0) return answer({ sequence: next, fault: "truncated" });
    for (const record of records) {
      const expected = before ?? (record.seq === from ? undefined : { seq: from - 1, hash: "" });
      const fault = faultOf(record, expected);
      if (fault) return answer({ sequence: record.seq, fault });
      before = { seq: record.seq, hash: record.hash };
      hashes.set(record.seq, record.hash);
      verified++;
    }
    next = before!.seq + 1;
  }
  if (end === head.seq && verified > 0 && before?.hash !== head.hash) return answer({ sequence: head.seq, fault: "truncated" });

  const keys = new Map((await signingKeys(ctx.env.ENCRYPTION_KEYS)).map(({ keyId, publicKey }) => [keyId, publicKey]));
  for (const checkpoint of verified > 0 ? await checkpointsBetween(ctx.env, ctx.org.id, from, end) : []) {
    const { seq, hash, keyId, orgId } = checkpoint;
    const key = keys.get(keyId);
    // A key that was retired cannot judge any more; its public half, kept elsewhere, can.
    if (key && (orgId !== ctx.org.id || !(await isSigned(checkpoint, key)))) return answer({ sequence: seq, fault: "signature" });
    if (hashes.get(seq) !== hash) return answer({ sequence: seq, fault: "checkpoint" });
  }
  return answer();
}
