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
 * Statements that end a lost start. If the answer of D1 to a start is lost, D1 has a running update that the stack's object does not know.
 * The object is authoritative: the batch of the next change of the stack ends such an update, with an audit event in the name of the caller
 * that started it.
 * @param except id of the update that is being started
 */
export function endLostStart(store: Store, { orgId, path, now }: Omit<StackCall, "actor" | "address">, except = "") {
  const here = stackAt(orgId, path);
  const event = auditEvent({ now, address: "" }, orgId, nobody, { event: "stack-update-completed", description: "" });
  const running = sql`(SELECT running_update FROM ${stacks} WHERE ${here})`;
  const lost = and(sql`${updates.id} = ${running}`, eq(updates.status, "running"), ne(updates.id, except))!;
  return {
    event,
    statements: [
      auditIf(store, event, exists(lost), onBehalf(event, running, "Ended", neverReceived)),
      endRow(store, now, lost),
      freeStack(store, and(here, ne(stacks.runningUpdate, except))!),
    ] as const,
  };
}

/** Cancels an update that is running in D1 only. @throws 404 for an unknown update, 409 for one that does not run */
export async function cancelLostStart(ctx: StackContext, input: CancelUpdate): Promise<undefined> {
  const { store } = ctx;
  const { actor, now, orgId, path, updateId } = input;
  const here = stackAt(orgId, path);
  const event = auditEvent(input, orgId, whoIs(actor), {
    event: "stack-update-canceled",
    description: `Canceled an update of stack "${path.orgName}/${auditName(path)}" (${updateId}).${neverReceived}`,
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

/** Ends an update that is running in D1 only, at the request of a sweep. @returns whether there was such an update */
export async function sweepLostStart(ctx: StackContext, updateId: string, now: number): Promise<boolean> {
  const { store } = ctx;
  const event = auditEvent({ now, address: "" }, "", nobody, { event: "stack-update-completed", description: "" });
  const lost = and(eq(updates.id, updateId), eq(updates.status, "running"))!;
  const [, ended] = await batch(store, [
    auditIf(store, event, exists(lost), onBehalf(event, sql`${updateId}`, "Ended", neverReceived)),
    endRow(store, now, lost).returning({ id: updates.id }),
    freeStack(
      store,
      and(sql`${stacks.id} = (SELECT stack_id FROM ${updates} WHERE id = ${updateId})`, eq(stacks.runningUpdate, updateId))!,
    ),
  ]);
  if (ended[0]) ctx.relaySoon(event);
  return ended[0] !== undefined;
}

const neverReceived = " Its client never received the start.";

const exists = (lost: SQL) => sql`EXISTS (SELECT 1 FROM ${updates} WHERE ${lost})`;

/** Releases the version of an update, so that the next update gets the same one. A preview keeps the version that it ran against. */
const endRow = (store: Store, now: number, lost: SQL, status: "failed" | "cancelled" = "failed") =>
  store.db
    .update(updates)
    .set({ status, endedAt: now, version: sql`CASE WHEN ${updates.dryRun} THEN ${updates.version} END` })
    .where(lost);

const freeStack = (store: Store, which: SQL) => store.db.update(stacks).set({ runningUpdate: null }).where(which);
