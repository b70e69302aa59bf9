import { eq } from "drizzle-orm";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditIf, changedARow, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { endCursor } from "./create.ts";
import { noteChange } from "./reach.ts";
import { webhooks } from "./table.ts";
import { type Place, called, readHook, stackOfEvent } from "./webhook.ts";

/** Deletes a webhook with its secret and its deliveries. After the answer no delivery begins any more. @throws 404 */
export async function deleteWebhook(ctx: OrgContext, place: Place, name: string): Promise<void> {
  const row = await readHook(ctx, place, name);
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "webhook-deleted",
    description: `Deleted ${called(place, row)}.`,
    ...stackOfEvent(place),
  });
  await guarded(ctx, [
    ctx.store.db.delete(webhooks).where(eq(webhooks.id, row.id)),
    auditIf(ctx.store, event, changedARow),
    endCursor(ctx),
  ]);
  relaySoon(ctx, event);
  noteChange(ctx, row.id);
}
