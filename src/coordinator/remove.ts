import { type SQL, and, eq, isNull, sql } from "drizzle-orm";
import { auditEvent, auditIf, changedARow, promisedColumns, whoIs } from "../audit/record.ts";
import { guard } from "../auth/guard.ts";
import { batch } from "../db/client.ts";
import { badRequest } from "../errors.ts";
import { auditName, pathText, stackAt, stackNotFound } from "../stacks/path.ts";
import { stacks } from "../stacks/table.ts";
import { stackGrants } from "../teams/table.ts";
import { endLostStart } from "./lostStarts.ts";
import type { StackCall, StackContext } from "./context.ts";

export interface RemoveStack extends StackCall {
  /** Also deletes a stack that has resources or a running update. */
  force: boolean;
}

/**
 * Deletes a stack: its name becomes free, and its row, history and states stay. No update of it runs afterwards. The CLI recognizes the
 * text of the refusal (cli-protocol §3.7).
 */
export async function removeStack(ctx: StackContext, input: RemoveStack): Promise<undefined> {
  const { store } = ctx;
  const { orgId, path, now } = input;
  const here = stackAt(orgId, path);
  const event = auditEvent(input, orgId, whoIs(input.actor), {
    event: "stack-deleted",
    description: `Deleted stack "${pathText(path)}"${input.force ? " by force" : ""}.`,
    stack: auditName(path),
  });
  ctx.departure.note(Date.now());
  const which = and(here, input.force ? undefined : eq(stacks.rootOnly, true));
  const begin = guard(store, input.actor, now, orgId);
  const removal = (of: SQL | undefined) =>
    [
      // If the stack is restored later, it belongs to its organization only, so the grants on it end now.
      store.db.delete(stackGrants).where(sql`${stackGrants.stackId} IN (SELECT id FROM ${stacks} WHERE ${of})`),
      store.db.update(stacks).set({ deletedAt: now }).where(of).returning({ id: stacks.id }),
      auditIf(store, event, changedARow).returning(promisedColumns),
    ] as const;
  // The usual deletion: the database knows of no update that runs.
  const [, , gone, promised] = await batch(store, [begin, ...removal(and(which, isNull(stacks.runningUpdate)))]);
  if (gone[0]) {
    ctx.relayPromised(promised);
    return undefined;
  }
  const lost = endLostStart(store, input);
  const [, , , , , deleted, , remaining] = await batch(store, [
    begin,
    ...lost.statements,
    ...removal(which),
    store.db.select({ id: stacks.id }).from(stacks).where(here),
  ]);
  if (!deleted[0]) throw remaining[0] ? badRequest("Stack still contains resources.") : stackNotFound(path);
  ctx.relaySoon(lost.event, event);
  return undefined;
}
