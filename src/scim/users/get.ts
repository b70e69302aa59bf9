import { nothing } from "../answer.ts";
import { type ScimCall, isKnown } from "../call.ts";
import { etagOf } from "../render.ts";
import { answerUser } from "./answer.ts";
import { readUser } from "./read.ts";

/** Returns a user; an inactive one too (identity-facts C-26). @throws 404 */
export async function getUser(call: ScimCall, id: string): Promise<Response> {
  const row = await readUser(call.ctx, id);
  return isKnown(call, row) ? nothing(304, { ETag: etagOf(row) }) : answerUser(call, row);
}
