import { newStateKey, readChunks, writeObject } from "../stacks/objects.ts";
import { fromCheckpoint } from "../state/checkpoint.ts";
import { goTime } from "../state/goFormat.ts";
import { type StateSummary, replay } from "../state/replay/replay.ts";
import { formOf } from "./keptJournal.ts";
import type { Run } from "./storage/runs.ts";
import type { StackContext } from "./context.ts";

export interface NewState {
  key: string | null;
  /** Undefined when the state is the base. */
  summary: Pick<StateSummary, "resources" | "onlyRootStack" | "aliasFree" | "references"> | undefined;
}

/** Writes the state after a run as a new object. If the run wrote no state, the result is its base. */
export async function writeState(ctx: StackContext, run: Run, endedAt: number): Promise<NewState> {
  const state = stateOf(ctx, run, endedAt);
  if (!state) return { key: run.baseKey, summary: undefined };
  const key = newStateKey();
  await writeObject(ctx.env.STATE, key, state.chunks);
  return { key, summary: state.summary() };
}

function stateOf(ctx: StackContext, run: Run, endedAt: number) {
  const { received, env } = ctx;
  const { updateId, baseKey } = run;
  switch (formOf(ctx, run)) {
    case "checkpoint":
      return fromCheckpoint(received.stream(updateId, "checkpoint", run.checkpoint!));
    case "journal":
      return replay({
        base: baseKey === null ? null : () => readChunks(env.STATE, baseKey),
        baseIsAliasFree: run.baseAliasFree,
        journal: received.bodies(updateId, "journal"),
        manifestTime: goTime(endedAt),
        cliVersion: run.cliVersion,
      });
    case undefined:
      return undefined;
  }
}
