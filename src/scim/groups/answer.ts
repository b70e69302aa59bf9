import { scimJson } from "../answer.ts";
import type { ScimCall } from "../call.ts";
import { etagOf, isSelected, selected, selectionOf, toGroup } from "../render.ts";
import { type StoredGroup, readMembers } from "./read.ts";

/** Answers a group. Members that were not asked for are not read (identity-facts C-25). */
export async function answerGroup({ ctx, base, query }: ScimCall, row: StoredGroup, status = 200): Promise<Response> {
  const selection = selectionOf(query);
  const members = isSelected(selection, "members") ? (await readMembers(ctx, [row.teamId])).get(row.teamId) : undefined;
  const headers = { ETag: etagOf(row), ...(status === 201 && { Location: `${base}/Groups/${row.id}` }) };
  return scimJson(selected(toGroup(row, members, base), selection), status, headers);
}
