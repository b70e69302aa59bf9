import { type SQL, sql } from "drizzle-orm";
import { rely } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";

type ReadRole = { id: string; version: number };

/** SQL condition: these custom records are still as they were read. Their versions increase with each change. */
export const rolesAreUnchanged = (read: ReadRole[]): SQL =>
  sql`(SELECT count(*) FROM roles JOIN json_each(${JSON.stringify(read.map(({ id, version }) => [id, version]))}) AS known
    ON roles.id = known.value->>0 AND roles.version = known.value->>1) = ${read.length}`;

/** Makes the later guards of the call fail if one of these records has been changed or deleted. */
export function relyOnRoles(ctx: OrgContext, read: ReadRole[]): void {
  if (read.length > 0) rely(ctx, rolesAreUnchanged(read));
}
