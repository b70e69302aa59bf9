import { type ScimCall, requireMatch } from "../call.ts";
import { readChanges } from "../operations.ts";
import { ENTERPRISE, patchUser as patched } from "../user.ts";
import { answerUser } from "./answer.ts";
import { attributesOf, changeUser } from "./change.ts";
import { readUser } from "./read.ts";

/** Changes attributes of a user, all or none of them (identity-facts C-8). @throws 400, 404, 409, 412 */
export async function patchUser(call: ScimCall, id: string): Promise<Response> {
  const changes = readChanges(call.body, [ENTERPRISE]);
  const current = await readUser(call.ctx, id);
  requireMatch(call, current);
  return answerUser(call, await changeUser(call.ctx, current, patched(attributesOf(current), changes, id)));
}
