import type { OrgContext } from "../context.ts";
import { streamOf } from "../http/stream.ts";
import { emptyDeployment } from "../state/checkpoint.ts";
import { rename } from "../state/rename.ts";
import { readChunks, readObject } from "./objects.ts";
import type { StackPath } from "./path.ts";
import { takeState } from "./stateAt.ts";

/**
 * Returns the current deployment as text, or the one after update number `version`. While an update runs, this is its pinned base:
 * positions in the update's journal refer to exactly this answer (cli-protocol §4.4). A version from before a rename or transfer is
 * returned with the stack's current names: with the old ones the client could not decrypt its secrets and, after an import, would not find
 * its resources.
 */
export async function exportStack(ctx: OrgContext, path: StackPath, version?: number): Promise<Response> {
  const { stateKey, namesThen } = await takeState(ctx, path, version, "the state");
  if (stateKey !== null && namesThen) {
    const from = { owner: "", project: namesThen.projectName, stack: namesThen.stackName };
    const to = { owner: path.orgName, project: path.projectName, stack: path.stackName };
    return streamOf(rename(await readChunks(ctx.env.STATE, stateKey), from, to));
  }
  const body = stateKey === null ? emptyDeployment : (await readObject(ctx.env.STATE, stateKey)).body;
  return new Response(body, { headers: { "Content-Type": "application/json" } });
}
