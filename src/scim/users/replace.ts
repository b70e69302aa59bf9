import { type ScimCall, requireMatch } from "../call.ts";
import { invalid } from "../fault.ts";
import { isObject, membersOf } from "../members.ts";
import { readUser as readAttributes } from "../user.ts";
import { answerUser } from "./answer.ts";
import { changeUser } from "./change.ts";
import { readUser } from "./read.ts";

/** Replaces a user: attributes that the body does not have are cleared, and a missing `active` is true. @throws 404, 409, 412 */
export async function replaceUser(call: ScimCall, id: string): Promise<Response> {
  const wanted = readAttributes(call.body);
  requireOwnId(call.body, id);
  const current = await readUser(call.ctx, id);
  requireMatch(call, current);
  return answerUser(call, await changeUser(call.ctx, current, wanted));
}

/** @throws 400 if the body has the id of another resource */
export function requireOwnId(body: unknown, id: string): void {
  const own = isObject(body) ? membersOf(body).get("id") : undefined;
  if (own !== undefined && own !== null && own !== id) throw invalid("mutability", "The id of a resource cannot be changed.");
}
