import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditIf, changedARow, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { noteChange, readStream, thatStream } from "./stream.ts";
import { auditStreams } from "./table.ts";
import { placeOf } from "./tell.ts";

/** Deletes a stream and its credentials. After the answer nothing more is sent; what was sent stays at the destination. */
export async function deleteStream(ctx: OrgContext, id: string): Promise<void> {
  const { name, destination, deliveredThrough } = await readStream(ctx, id);
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "audit-stream-deleted",
    description: `Deleted the audit stream "${name}" (${id}) to ${placeOf(destination)}, which had sent the records through ${deliveredThrough}.`,
  });
  await guarded(ctx, [ctx.store.db.delete(auditStreams).where(thatStream(ctx, id)), auditIf(ctx.store, event, changedARow)]);
  relaySoon(ctx, event);
  noteChange(ctx, id);
}
