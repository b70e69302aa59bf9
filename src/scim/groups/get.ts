import { nothing } from "../answer.ts";
import { type ScimCall, isKnown } from "../call.ts";
import { etagOf } from "../render.ts";
import { answerGroup } from "./answer.ts";
import { readGroup } from "./read.ts";

/** Returns a group. @throws 404 */
export async function getGroup(call: ScimCall, id: string): Promise<Response> {
  const row = await readGroup(call.ctx, id);
  return isKnown(call, row) ? nothing(304, { ETag: etagOf(row) }) : answerGroup(call, row);
}
