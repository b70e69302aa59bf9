import { type SQL, and, asc, eq, sql } from "drizzle-orm";
import { guarded } from "../../auth/guard.ts";
import { scimJson } from "../answer.ts";
import type { ScimCall } from "../call.ts";
import { type Comparison, parseFilter } from "../filter.ts";
import { folded } from "../members.ts";
import { pageOf } from "../paging.ts";
import { isSelected, listOf, selected, selectionOf, toGroup } from "../render.ts";
import { scimGroups } from "../table.ts";
import { cannotSearch } from "../users/list.ts";
import { groupQuery, isHere, readMembers } from "./read.ts";

/** Maximum number of members on a page of groups. A page that would have more has fewer groups, but at least one. */
const MOST_ON_PAGE = 20_000;

/** Lists the groups that match a filter, the oldest first. */
export async function listGroups({ ctx, base, query }: ScimCall): Promise<Response> {
  const { startIndex, count } = pageOf(query);
  const filter = query.get("filter");
  const where = and(isHere(ctx), ...(filter === null ? [] : parseFilter(filter).map(conditionOf)));
  const [total, rows] = await guarded(ctx, [
    ctx.store.db
      .select({ total: sql<number>`count(*)`.as("total") })
      .from(scimGroups)
      .where(where),
    groupQuery(ctx)
      .where(where)
      .orderBy(asc(scimGroups.createdAt), asc(scimGroups.id))
      .limit(count)
      .offset(startIndex - 1),
  ]);
  const selection = selectionOf(query);
  const withMembers = isSelected(selection, "members");
  let room = MOST_ON_PAGE;
  const shown = withMembers ? rows.filter((row, index) => (room -= row.members) >= 0 || index === 0) : rows;
  const members = withMembers
    ? await readMembers(
        ctx,
        shown.map(({ teamId }) => teamId),
      )
    : undefined;
  const resources = shown.map((row) => selected(toGroup(row, members?.get(row.teamId), base), selection));
  return scimJson(listOf(resources, total[0]?.total ?? 0, startIndex));
}

function conditionOf({ attribute, among, value }: Comparison): SQL {
  if (among.length > 0) throw cannotSearch(attribute);
  switch (attribute) {
    case "displayname":
      return eq(scimGroups.nameKey, folded(String(value)));
    case "externalid":
      return eq(scimGroups.externalId, String(value));
    case "id":
      return eq(scimGroups.id, String(value));
    case "members":
    case "members.value":
      return sql`EXISTS (SELECT 1 FROM scim_group_members WHERE scim_group_members.team_id = ${scimGroups.teamId} AND scim_user_id = ${String(value)})`;
    default:
      throw cannotSearch(attribute);
  }
}
