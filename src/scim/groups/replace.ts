import type { ScimCall } from "../call.ts";
import { readGroup as readAttributes } from "../group.ts";
import { requireOwnId } from "../users/replace.ts";
import { answerGroup } from "./answer.ts";
import { changeGroup } from "./change.ts";
import { readGroup } from "./read.ts";

/** Replaces a group: one without `members` is empty then (identity-facts C-34). @throws 404, 409, 412 */
export async function replaceGroup(call: ScimCall, id: string): Promise<Response> {
  const { group, members } = readAttributes(call.body);
  requireOwnId(call.body, id);
  return answerGroup(call, await changeGroup(call, await readGroup(call.ctx, id), group, members));
}
