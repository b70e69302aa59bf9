import { and, eq, sql } from "drizzle-orm";
import { auditEvent, changedARow, describedBy, promiseIf, whoIs } from "../audit/record.ts";
import { guard } from "../auth/guard.ts";
import { batch } from "../db/client.ts";
import { AppError } from "../errors.ts";
import { addTo } from "../measures/add.ts";
import { auditName, pathText } from "../stacks/path.ts";
import { fromStateError } from "../stacks/fromStateError.ts";
import { newStateKey, readChunks, writeObject } from "../stacks/objects.ts";
import { replaceReferences } from "../stacks/references.ts";
import { stacks } from "../stacks/table.ts";
import { fromCheckpoint, inspect } from "../state/checkpoint.ts";
import { StateError } from "../state/errors.ts";
import { type StateSummary, replay } from "../state/replay.ts";
import { goTime } from "../state/go.ts";
import { fateOfToken } from "./abort.ts";
import type { CancelUpdate } from "./cancel.ts";
import { findResourceChanges } from "./events.ts";
import type { Ending, Run } from "./runs.ts";
import type { StackContext } from "./stackContext.ts";
import { type UpdateStatus, updates } from "./table.ts";
import { logError } from "../log.ts";

/**
 * Ends a run: the new state as an object, then one batch that makes it the stack's, then the lock is free. Each step may
 * be repeated: a batch that was committed before changes nothing the second time, and an object nobody points to is swept.
 * @param cancelled who cancels; the caller's right is checked in the same batch, and until then the run goes on
 */
export async function finishRun(ctx: StackContext, run: Run, ending: Ending, cancelled?: CancelUpdate): Promise<void> {
  const endedAt = run.endedAt || (cancelled?.now ?? Date.now());
  // The client still writes, and must hear of the end also when this object dies before its note of it.
  if (cancelled) ctx.runs.save(Object.assign(run, { cancelling: true as const }));
  try {
    // Who asks under the stack's new path finds them in R2 only.
    if (run.moved) await ctx.events.keep(ctx.env.STATE, run.updateId);
    const state = run.dryRun ? undefined : await writeState(ctx, run, ending, endedAt);
    if (state?.unusable) ending = "expired";
    await commit(ctx, run, ending, endedAt, state, cancelled);
  } catch (error) {
    // The client's word, or the lease's end, holds although it could not be carried out yet: the alarm goes on with it. Not
    // noted before the work, because the database would then wait for that note to be on disk.
    if (!cancelled && !isRefusal(error)) {
      Object.assign(run, { phase: "finishing", ending, endedAt });
      ctx.runs.save(run);
    }
    throw error;
  }
  delete run.cancelling;
  Object.assign(run, { phase: "done", ending, endedAt });
  ctx.runs.save(run);
}

/** Said to the client, who may do better; the run goes on. */
const isRefusal = (error: unknown) => error instanceof AppError && error.status < 500;

interface NewState {
  key: string | null;
  /** The journal contradicts itself, and this is the base again. */
  unusable?: true;
  summary: Pick<StateSummary, "resources" | "onlyRootStack" | "aliasFree" | "references"> | undefined;
}

async function writeState(ctx: StackContext, run: Run, ending: Ending, endedAt: number): Promise<NewState> {
  const state = stateOf(ctx, run, endedAt);
  if (!state) return { key: run.baseKey, summary: undefined };
  const key = newStateKey();
  try {
    await writeObject(ctx.env.STATE, key, state.chunks);
    return { key, summary: state.summary() };
  } catch (error) {
    if (!(error instanceof StateError)) throw error;
    // Entries that contradict each other, or a text that deltas have spoilt. The client hears of it; an update that nobody speaks for ends with its base,
    // and its journal is kept for whoever has to find out.
    if (run.phase === "running" && (ending === "succeeded" || ending === "failed")) throw fromStateError(error);
    logError("journal cannot be replayed", error, { updateId: run.updateId });
    await keepJournal(ctx, run);
    return { key: run.baseKey, summary: undefined, unusable: true };
  }
}

/** The state that the run leaves behind; undefined when it wrote none. */
function stateOf(ctx: StackContext, run: Run, endedAt: number) {
  const { received, deltas, env } = ctx;
  const text = deltas.get(run.updateId);
  if (text) return inspect(deltas.stream(run.updateId, text.pieces), { maxElement: received.limits.resource });
  if (run.checkpoint !== null) return fromCheckpoint(received.stream(run.updateId, "checkpoint", run.checkpoint));
  if (received.batches(run.updateId, "journal").length === 0) return undefined;
  const { baseKey } = run;
  return replay({
    base: baseKey === null ? null : () => readChunks(env.STATE, baseKey),
    baseIsAliasFree: run.baseAliasFree,
    journal: received.bodies(run.updateId, "journal"),
    manifestTime: goTime(endedAt),
    cliVersion: run.cliVersion,
  });
}

async function keepJournal(ctx: StackContext, run: Run): Promise<void> {
  const text = ctx.deltas.get(run.updateId);
  if (text) await writeObject(ctx.env.STATE, `journals/${run.updateId}/text.json`, ctx.deltas.stream(run.updateId, text.pieces));
  for (const batchNumber of ctx.received.batches(run.updateId, "journal")) {
    const body = ctx.received.read(run.updateId, "journal", batchNumber);
    await ctx.env.STATE.put(`journals/${run.updateId}/${batchNumber}.json`, body);
  }
}

async function commit(
  ctx: StackContext,
  run: Run,
  ending: Ending,
  endedAt: number,
  state: NewState | undefined,
  cancelled: CancelUpdate | undefined,
): Promise<void> {
  const { store } = ctx;
  const what = run.dryRun ? "a preview" : run.kind === "update" ? "an update" : `a ${run.kind}`;
  const event = auditEvent(
    { now: endedAt, address: cancelled?.address ?? run.address },
    run.orgId,
    cancelled ? whoIs(cancelled.actor) : run.who,
    {
      event: statuses[ending] === "cancelled" ? "stack-update-canceled" : "stack-update-completed",
      description: `${describe[ending]} ${what} of stack "${pathText(run.path)}" (${run.updateId}).`,
      stack: auditName(run.path),
    },
  );
  const summary = state?.summary;
  const still = and(eq(updates.id, run.updateId), eq(updates.status, "running"));
  const work = [
    store.db
      .update(updates)
      .set({
        status: statuses[ending],
        endedAt,
        resourceChanges: findResourceChanges(ctx.received, run.updateId),
        resourceCount:
          summary?.resources ?? (run.dryRun ? null : sql`(SELECT resource_count FROM ${stacks} WHERE ${stacks.id} = ${run.stackId})`),
        stateKey: state?.key ?? null,
      })
      .where(still),
    promiseIf(store, event, changedARow, describedBy(event, sql`${event.description} || ${fateOfToken(run, endedAt)}`)),
    ...(ending === "expired" || ending === "aborted" ? [addTo(store, "updates_cut_short", ending, 1, changedARow)] : []),
    store.db
      .update(stacks)
      .set({
        version: run.version,
        stateKey: state?.key ?? null,
        lastUpdateAt: run.startedAt,
        runningUpdate: null,
        ...(summary && { resourceCount: summary.resources, rootOnly: summary.onlyRootStack, aliasFree: summary.aliasFree }),
      })
      .where(and(eq(stacks.id, run.stackId), eq(stacks.runningUpdate, run.updateId))),
    ...(state && summary
      ? replaceReferences(
          store,
          sql`(SELECT id FROM ${stacks} WHERE ${stacks.id} = ${run.stackId} AND ${stacks.stateKey} = ${state.key})`,
          summary.references,
        )
      : []),
  ] as const;
  if (cancelled) await batch(store, [guard(store, cancelled.actor, cancelled.now, cancelled.orgId), ...work]);
  else await batch(store, work);
  ctx.announce(event);
}

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
  expired: "Ended, for its client was not heard of any more,",
  aborted: "Aborted",
};
