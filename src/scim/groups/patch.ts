import { nothing } from "../answer.ts";
import type { ScimCall } from "../call.ts";
import { patchGroup as patched } from "../group.ts";
import { readChanges } from "../operations.ts";
import { etagOf } from "../render.ts";
import { changeGroup } from "./change.ts";
import { readGroup } from "./read.ts";

/** Changes a group, all of it or nothing. The answer has no body (identity-facts C-30). @throws 400, 404, 409, 412 */
export async function patchGroup(call: ScimCall, id: string): Promise<Response> {
  const changes = readChanges(call.body);
  const current = await readGroup(call.ctx, id);
  const { group, members } = patched(current, changes, id);
  const row = await changeGroup(call, current, { displayName: group.displayName, externalId: group.externalId }, members);
  return nothing(204, { ETag: etagOf(row) });
}
