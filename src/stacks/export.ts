import type { OrgContext } from "../context.ts";
import { streamOf } from "../http/stream.ts";
import { emptyDeployment } from "../state/checkpoint.ts";
import { readObject } from "./objects.ts";
import type { StackPath } from "./path.ts";
import { readState, takeState } from "./stateAt.ts";

/**
 * Returns the current deployment as text, or the one after update number `version`, with the stack's current names. While an update runs,
 * this is its pinned base: positions in the update's journal refer to exactly this answer (cli-protocol §4.4).
 */
export async function exportStack(ctx: OrgContext, path: StackPath, version?: number): Promise<Response> {
  const state = await takeState(ctx, path, version, "the state");
  if (state.stateKey !== null && state.namesThen) return streamOf(await readState(ctx, path, state));
  const body = state.stateKey === null ? emptyDeployment : (await readObject(ctx.env.STATE, state.stateKey)).body;
  return new Response(body, { headers: { "Content-Type": "application/json" } });
}
