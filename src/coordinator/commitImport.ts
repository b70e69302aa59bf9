import { and, eq, sql } from "drizzle-orm";
import { auditEvent, auditIf, changedARow, whoIs } from "../audit/record.ts";
import { guard } from "../auth/guard.ts";
import { batch } from "../db/client.ts";
import { auditName, pathText, stackAt, stackNotFound } from "../stacks/path.ts";
import { replaceReferences } from "../stacks/references.ts";
import { stacks } from "../stacks/table.ts";
import { insertUpdateRow, overAtOnce } from "./insertUpdateRow.ts";
import { lastConfig } from "./lastConfig.ts";
import { endLostStart } from "./lostStarts.ts";
import type { StackCall, StackContext } from "./context.ts";
import { updates } from "../updates/table.ts";

export interface CommitImport extends StackCall {
  updateId: string;
  stateKey: string;
  /** The version that the state is from; absent for a state that the caller sent. */
  restored?: number;
  resources: number;
  rootOnly: boolean;
  aliasFree: boolean;
  references: string[];
}

/** Records an import as an update that starts and ends at the same time (cli-protocol §5.3). The state is already in R2. */
export async function commitImport(ctx: StackContext, input: CommitImport): Promise<undefined> {
  const { store } = ctx;
  const { updateId, orgId, path, now, actor, restored } = input;
  const here = stackAt(orgId, path);
  const event = auditEvent(input, orgId, whoIs(actor), {
    ...(restored === undefined
      ? { event: "stack-imported", description: `Imported the state of stack "${pathText(path)}" (${updateId}).` }
      : {
          event: "stack-version-restored",
          description: `Restored version ${restored} of the state of stack "${pathText(path)}" (${updateId}).`,
        }),
    stack: auditName(path),
  });
  const lost = endLostStart(store, input);
  const [, , , , , , , created] = await batch(store, [
    guard(store, actor, now, orgId),
    ...lost.statements,
    insertUpdateRow(store, here, {
      ...overAtOnce(actor, now),
      id: updateId,
      kind: "import",
      message: restored === undefined ? "" : `Restored version ${restored}`,
      config: lastConfig,
      resourceCount: input.resources,
      stateKey: input.stateKey,
    }),
    auditIf(store, event, changedARow),
    store.db
      .update(stacks)
      .set({
        version: sql`${stacks.version} + 1`,
        stateKey: input.stateKey,
        resourceCount: input.resources,
        rootOnly: input.rootOnly,
        aliasFree: input.aliasFree,
        activeUpdate: updateId,
        lastUpdateAt: now,
      })
      .where(here),
    store.db.select({ id: updates.id }).from(updates).where(eq(updates.id, updateId)),
    ...replaceReferences(store, sql`(SELECT id FROM ${stacks} WHERE ${and(here, eq(stacks.activeUpdate, updateId))})`, input.references),
  ]);
  if (!created[0]) throw stackNotFound(path);
  ctx.relaySoon(lost.event, event);
  return undefined;
}
