import { sql } from "drizzle-orm";
import { type Promised, auditEvent, auditIf, changedARow, describedBy, promisedColumns, whoIs } from "../audit/record.ts";
import { guard } from "../auth/guard.ts";
import { batch } from "../db/client.ts";
import { increment } from "../metrics/increment.ts";
import { auditName, pathText } from "../stacks/path.ts";
import { replaceReferences } from "../stacks/references.ts";
import { stacks } from "../stacks/table.ts";
import { findResourceChanges } from "./receive/events.ts";
import type { NewState } from "./newState.ts";
import { fateOfToken } from "./revoked.ts";
import type { AbortedFor, Ending, Run } from "./storage/runs.ts";
import type { CancelUpdate, StackContext } from "./context.ts";
import { type KeptJournal, type UpdateStatus, updates } from "../updates/table.ts";

/** The cause of a run's end; without any of these it is the end of the lease. */
export interface EndedBy {
  /** The update's client. It can correct its request after a refusal. */
  client?: true;
  /** A caller that cancels the update. The caller's right is checked in the same batch. */
  caller?: CancelUpdate;
  /** The stack is deleted: only a failure of the database may prevent the end. */
  force?: true;
}

interface End {
  ending: Ending;
  endedAt: number;
  /** Undefined for a preview. */
  state: NewState | undefined;
  by: EndedBy;
  /** The run ends with the state from before it. Then the batch contains no data that the run has sent. */
  base?: { kept: KeptJournal | undefined };
}

/**
 * Ends an update in the database with one batch: its row, the audit event, and the stack with its new version. The call may be repeated.
 * @returns false when the update had already ended: an earlier attempt succeeded, and its answer was lost
 */
export async function commitEnd(ctx: StackContext, run: Run, { ending, endedAt, state, by, base }: End): Promise<boolean> {
  const { store } = ctx;
  const { caller } = by;
  const event = auditEvent({ now: endedAt, address: caller?.address ?? run.address }, run.orgId, caller ? whoIs(caller.actor) : run.who, {
    event: statuses[ending] === "cancelled" ? "stack-update-canceled" : "stack-update-completed",
    description: `${describe[ending]} ${nameOf(run)} of stack "${pathText(run.path)}" (${run.updateId}).`,
    stack: auditName(run.path),
  });
  const kept = base?.kept;
  const why =
    ending === "aborted" ? abortedText[run.abortedFor ?? (run.drain ? "drain" : "token")] : ending === "expired" ? expiredText : "";
  const described = sql`${event.description} || ${fateOfToken(run, endedAt)} || ${why} || ${kept ? ` ${keptText[kept]}` : ""}`;
  const summary = state?.summary;
  const still = sql`updates.id = ${run.updateId} AND updates.status = 'running'`;
  const work = [
    store.db
      .update(updates)
      .set({
        status: statuses[ending],
        endedAt,
        resourceChanges: base ? null : findResourceChanges(ctx.received, run.updateId),
        resourceCount:
          summary?.resources ?? (run.dryRun ? null : sql`(SELECT resource_count FROM stacks WHERE stacks.id = ${run.stackId})`),
        stateKey: state?.key ?? null,
        journalKept: kept ?? null,
      })
      .where(still)
      .returning({ id: updates.id }),
    auditIf(store, event, changedARow, describedBy(event, described)).returning(promisedColumns),
    ...(ending === "expired" || ending === "aborted" ? [increment(store, "updates_cut_short", ending, 1, changedARow)] : []),
    ...(kept ? [increment(store, "journals_kept", kept, 1, changedARow)] : []),
    store.db
      .update(stacks)
      .set({
        version: run.version,
        stateKey: state?.key ?? null,
        lastUpdateAt: run.startedAt,
        runningUpdate: null,
        ...(summary && { resourceCount: summary.resources, rootOnly: summary.onlyRootStack, aliasFree: summary.aliasFree }),
      })
      .where(sql`stacks.id = ${run.stackId} AND stacks.running_update = ${run.updateId}`),
    ...(state && summary && !(run.baseRefersToNone && summary.references.length === 0)
      ? replaceReferences(
          store,
          sql`(SELECT id FROM ${stacks} WHERE ${stacks.id} = ${run.stackId} AND ${stacks.stateKey} = ${state.key})`,
          summary.references,
        )
      : []),
  ] as const;
  const [changed, promised] = caller
    ? (await batch(store, [guard(store, caller.actor, caller.now, caller.orgId), ...work])).slice(1)
    : await batch(store, work);
  ctx.relayPromised(promised as Promised[]);
  return (changed as { id: string }[]).length > 0;
}

const nameOf = (run: Run) => (run.dryRun ? "a preview" : run.kind === "update" ? "an update" : `a ${run.kind}`);

const statuses = {
  succeeded: "succeeded",
  failed: "failed",
  cancelled: "cancelled",
  expired: "failed",
  aborted: "cancelled",
} as const satisfies Record<Ending, UpdateStatus>;

const describe: Record<Ending, string> = {
  succeeded: "Completed",
  failed: "Failed",
  cancelled: "Canceled",
  expired: "Ended",
  aborted: "Aborted",
};

const expiredText = " Its client did not renew the lease.";

/** The causes that `fateOfToken` does not mention. */
const abortedText: Record<AbortedFor, string> = {
  token: "",
  leak: "",
  rights: " The caller that started it lost the right to update the stack.",
  drain: " The maximum drain time had passed.",
};

const theRest = "The stack has the state from before the update, and the journal is kept for the operator.";
const keptText: Record<KeptJournal, string> = {
  unreadable: `Its journal could not be replayed. ${theRest}`,
  storage: `The state store did not answer for hours. ${theRest}`,
  canceled: `Its new state could not be stored at that time. ${theRest}`,
};
