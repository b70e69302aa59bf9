import { type SQL, and, eq, ne, sql } from "drizzle-orm";
import { auditEvent, auditIf, whoIs } from "../audit/record.ts";
import { guard } from "../auth/guard.ts";
import { type Store, batch } from "../db/client.ts";
import { conflict, notFound } from "../errors.ts";
import { auditName, stackAt, stackNotFound } from "../stacks/path.ts";
import { stacks } from "../stacks/table.ts";
import { nobody, onBehalf } from "../audit/behalf.ts";
import type { CancelUpdate, StackCall, StackContext } from "./context.ts";
import { updates } from "../updates/table.ts";

/**
 * A start whose answer was lost between D1 and the stack's object leaves an update that runs for D1 and for nobody else. The
 * object is the judge: where it knows of no run, statements of the next change's own batch end what D1 still believes in, with
 * an event in the name of who started it.
 * @param except the update that is being started
 */
export function endLostStart(store: Store, { orgId, path, now }: Omit<StackCall, "actor" | "address">, except = "") {
  const here = stackAt(orgId, path);
  const event = auditEvent({ now, address: "" }, orgId, nobody, { event: "stack-update-completed", description: "" });
  const running = sql`(SELECT running_update FROM ${stacks} WHERE ${here})`;
  const lost = and(sql`${updates.id} = ${running}`, eq(updates.status, "running"), ne(updates.id, except))!;
  return {
    event,
    statements: [
      auditIf(store, event, exists(lost), onBehalf(event, running, neverHeard)),
      endRow(store, now, lost),
      freeStack(store, and(here, ne(stacks.runningUpdate, except))!),
    ] as const,
  };
}

/** Cancels what only D1 believes to be running. @throws 404 for an unknown update, 409 for one that does not run */
export async function cancelLostStart(ctx: StackContext, input: CancelUpdate): Promise<undefined> {
  const { store } = ctx;
  const { actor, now, orgId, path, updateId } = input;
  const here = stackAt(orgId, path);
  const event = auditEvent(input, orgId, whoIs(actor), {
    event: "stack-update-canceled",
    description: `Canceled an update of stack "${path.orgName}/${auditName(path)}" that had not really begun (${updateId}).`,
    stack: auditName(path),
  });
  const ofStack = and(eq(updates.id, updateId), sql`${updates.stackId} = (SELECT id FROM ${stacks} WHERE ${here})`)!;
  const lost = and(ofStack, eq(updates.status, "running"))!;
  const [, stack, found, , ended] = await batch(store, [
    guard(store, actor, now, orgId),
    store.db.select({ id: stacks.id }).from(stacks).where(here),
    store.db.select({ status: updates.status }).from(updates).where(ofStack),
    auditIf(store, event, exists(lost)),
    endRow(store, now, lost, "cancelled").returning({ id: updates.id }),
    freeStack(store, and(here, eq(stacks.runningUpdate, updateId))!),
  ]);
  if (!stack[0]) throw stackNotFound(path);
  if (!found[0]) throw notFound(`Update '${updateId.slice(0, 100)}'`);
  if (!ended[0]) throw conflict(found[0].status === "not started" ? "The Update has not started" : "The Update has already completed");
  ctx.relaySoon(event);
  return undefined;
}

/** Ends one that nobody asks for any more. @returns whether there was something to end */
export async function sweepLostStart(ctx: StackContext, updateId: string, now: number): Promise<boolean> {
  const { store } = ctx;
  const event = auditEvent({ now, address: "" }, "", nobody, { event: "stack-update-completed", description: "" });
  const lost = and(eq(updates.id, updateId), eq(updates.status, "running"))!;
  const [, ended] = await batch(store, [
    auditIf(store, event, exists(lost), onBehalf(event, sql`${updateId}`, neverHeard)),
    endRow(store, now, lost).returning({ id: updates.id }),
    freeStack(
      store,
      and(sql`${stacks.id} = (SELECT stack_id FROM ${updates} WHERE id = ${updateId})`, eq(stacks.runningUpdate, updateId))!,
    ),
  ]);
  if (ended[0]) ctx.relaySoon(event);
  return ended[0] !== undefined;
}

const neverHeard = "Ended, for its client was never told of the start,";

const exists = (lost: SQL) => sql`EXISTS (SELECT 1 FROM ${updates} WHERE ${lost})`;

/** Its number is free again: the next update's is the same. A preview keeps the one that it looked at. */
const endRow = (store: Store, now: number, lost: SQL, status: "failed" | "cancelled" = "failed") =>
  store.db
    .update(updates)
    .set({ status, endedAt: now, version: sql`CASE WHEN ${updates.dryRun} THEN ${updates.version} END` })
    .where(lost);

const freeStack = (store: Store, which: SQL) => store.db.update(stacks).set({ runningUpdate: null }).where(which);
