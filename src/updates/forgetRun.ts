import type { StackContext } from "./stackContext.ts";

/** Removes an ended run from the stack's object. Its events are kept in R2. */
export async function forgetRun({ env, runs, received, deltas, events }: StackContext, updateId: string): Promise<void> {
  await events.keep(env.STATE, updateId);
  events.forget(updateId);
  received.drop(updateId, "journal");
  received.drop(updateId, "checkpoint");
  deltas.drop(updateId);
  runs.forget(updateId);
}
