import { type SQL, and, asc, eq, sql } from "drizzle-orm";
import { guarded } from "../../auth/guard.ts";
import { scimJson } from "../answer.ts";
import type { ScimCall } from "../call.ts";
import { invalid } from "../fault.ts";
import { type Comparison, parseFilter } from "../filter.ts";
import { folded } from "../members.ts";
import { pageOf } from "../paging.ts";
import { listOf, selected, selectionOf, toUser } from "../render.ts";
import { scimUsers } from "../table.ts";
import { isHere } from "./read.ts";

/** Lists the users that match a filter, the oldest first. */
export async function listUsers({ ctx, base, query }: ScimCall): Promise<Response> {
  const { startIndex, count } = pageOf(query);
  const filter = query.get("filter");
  const where = and(isHere(ctx), ...(filter === null ? [] : parseFilter(filter).map(conditionOf)));
  const { db } = ctx.store;
  const [total, rows] = await guarded(ctx, [
    db
      .select({ total: sql<number>`count(*)`.as("total") })
      .from(scimUsers)
      .where(where),
    db
      .select()
      .from(scimUsers)
      .where(where)
      .orderBy(asc(scimUsers.createdAt), asc(scimUsers.id))
      .limit(count)
      .offset(startIndex - 1),
  ]);
  const selection = selectionOf(query);
  const resources = rows.map((row) => selected(toUser(row, base), selection));
  return scimJson(listOf(resources, total[0]?.total ?? 0, startIndex));
}

/** @throws 400 for an attribute that cannot be searched: an empty list would make clients create duplicates (identity-facts C-21) */
function conditionOf({ attribute, among, value }: Comparison): SQL {
  if (attribute === "emails" || attribute === "emails.value" || attribute === "emails.type") return emailCondition(attribute, among, value);
  if (among.length > 0) throw cannotSearch(attribute);
  switch (attribute) {
    case "username":
      return eq(scimUsers.userNameKey, folded(String(value)));
    case "externalid":
      return eq(scimUsers.externalId, String(value));
    case "id":
      return eq(scimUsers.id, String(value));
    case "active":
      if (typeof value !== "boolean" && !/^(true|false)$/i.test(value)) throw cannotSearch(attribute);
      return eq(scimUsers.active, String(value).toLowerCase() === "true");
    case "displayname":
      return sql`lower(profile->>'$.displayName') = lower(${String(value)})`;
    case "name.familyname":
    case "name.givenname":
    case "name.formatted":
      return sql`lower(profile->>${`$.name.${partNames[attribute]}`}) = lower(${String(value)})`;
    default:
      throw cannotSearch(attribute);
  }
}

const partNames = { "name.familyname": "familyName", "name.givenname": "givenName", "name.formatted": "formatted" };

function emailCondition(attribute: string, among: Comparison[], value: string | boolean): SQL {
  const part = attribute === "emails.type" ? "type" : "value";
  const conditions = [...among, { attribute: part, among: [], value }].map((one) => {
    if (one.attribute === "primary") return sql`coalesce(value->>'$.primary', 0) = ${one.value === true ? 1 : 0}`;
    if (one.attribute === "type" || one.attribute === "value")
      return sql`lower(value->>${`$.${one.attribute}`}) = lower(${String(one.value)})`;
    throw cannotSearch(`emails.${one.attribute}`);
  });
  return sql`EXISTS (SELECT 1 FROM json_each(${scimUsers.profile}, '$.emails') WHERE ${and(...conditions)})`;
}

export const cannotSearch = (attribute: string) =>
  invalid("invalidFilter", `The filter is not supported: the attribute "${attribute.slice(0, 100)}" cannot be searched.`);
