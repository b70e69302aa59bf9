import { type SQL, sql } from "drizzle-orm";
import type { ScopeGrant } from "../access/descriptor.ts";
import type { OrgContext } from "../context.ts";
import { encode } from "../state/json/json.ts";
import { badRequest } from "../errors.ts";
import { sizeOf } from "./compile.ts";

/**
 * Limits on the custom records of an organization together: their number, the bytes of their trees and grants, because one answer lists them all,
 * and the bytes of their grants, because an identity can contain the grants of all roles. So an identity stays below 1.2 MB for each organization,
 * whatever the roles of the person's teams are; D1 reads at most 2 MB in a row, and KV stores at most 25 MB in a value.
 */
const MOST_RECORDS = 1000;
const MOST_STORED = 10_000_000;
const MOST_GRANTED = 1_000_000;

export interface WrittenRecord {
  details: string;
  grants: ScopeGrant[];
}

/**
 * SQL condition: the organization's records stay within the limits when these are written.
 * @param instead ids of the records that they replace
 */
export function isRoom({ org }: OrgContext, written: WrittenRecord[], instead: string[] = []): SQL {
  const granted = written.reduce((sum, { grants }) => sum + sizeOf(grants), 0);
  const stored = written.reduce((sum, { details }) => sum + encode(details).length, granted);
  const bytesOf = (column: string) => sql.raw(`length(CAST(${column} AS BLOB))`);
  return sql`(SELECT count(*) + ${written.length} <= ${MOST_RECORDS}
    AND coalesce(sum(${bytesOf("details")} + ${bytesOf("grants")}), 0) + ${stored} <= ${MOST_STORED}
    AND coalesce(sum(${bytesOf("grants")}), 0) + ${granted} <= ${MOST_GRANTED}
    FROM roles WHERE org_id = ${org.id} AND id NOT IN (SELECT value FROM json_each(${JSON.stringify(instead)})))`;
}

export const noRoom = () =>
  badRequest(
    `an organization has at most ${MOST_RECORDS} custom roles and permission sets. Their definitions have at most ${MOST_STORED} bytes together, and what they grant has at most ${MOST_GRANTED}`,
  );
