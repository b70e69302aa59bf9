import type { ScimCall } from "../call.ts";
import { readUser as readAttributes } from "../user.ts";
import { answerUser } from "./answer.ts";
import { changeUser } from "./change.ts";

/** Creates a user. The answer has a body and an address (identity-facts C-30). @throws 409 */
export async function createUser(call: ScimCall): Promise<Response> {
  const row = await changeUser(call.ctx, undefined, readAttributes(call.body));
  return answerUser(call, row, 201);
}
