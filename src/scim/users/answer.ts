import { scimJson } from "../answer.ts";
import type { ScimCall } from "../call.ts";
import { etagOf, selected, selectionOf, toUser } from "../render.ts";
import type { StoredUser } from "./read.ts";

/** Answers a user with its version, and a new one with its address. */
export function answerUser({ base, query }: ScimCall, row: StoredUser, status = 200): Response {
  const headers = { ETag: etagOf(row), ...(status === 201 && { Location: `${base}/Users/${row.id}` }) };
  return scimJson(selected(toUser(row, base), selectionOf(query)), status, headers);
}
