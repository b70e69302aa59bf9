import type { OrgContext } from "../context.ts";
import { emptyDeployment } from "../state/checkpoint.ts";
import { readObject } from "./objects.ts";
import type { StackPath } from "./path.ts";
import { takeState } from "./stateAt.ts";

/**
 * The deployment as text, now or after update number `version`. While an update runs this is its pinned base: positions
 * in its journal refer to exactly this answer (cli-protocol §4.4).
 */
export async function exportStack(ctx: OrgContext, path: StackPath, version?: number): Promise<Response> {
  const { stateKey } = await takeState(ctx, path, version, "the state");
  const body = stateKey === null ? emptyDeployment : (await readObject(ctx.env.STATE, stateKey)).body;
  return new Response(body, { headers: { "Content-Type": "application/json" } });
}
