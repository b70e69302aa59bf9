import { type SQL, and, eq, ne, sql } from "drizzle-orm";
import { has } from "../auth/right.ts";
import type { OrgContext } from "../context.ts";
import { invites } from "./table.ts";

/** The organization's that the caller may know: a link is the right that it gives, so a machine knows none that makes an administrator. */
export const knownTo = (ctx: OrgContext) =>
  and(eq(invites.orgId, ctx.org.id), has(ctx, "org_member:set_admin") ? undefined : ne(invites.role, "admin"))!;

/** An invitation lets somebody in for so long after it was sent last. Milliseconds. */
const LIFE = 30 * 86_400_000;

/**
 * True of a row of `invites` that still lets somebody in: it waits, is not too old, and the machine's token that made it, if one did,
 * was neither deleted nor disabled. So a token that got out leaves no way back in.
 * @param table its name in the query
 */
export const stands = (table: "invites" | "old", now: number): SQL => {
  const column = (name: string) => sql.raw(`${table}.${name}`);
  return sql`(${column("status")} = 'pending' AND ${column("sent_at")} > ${now - LIFE} AND (${column("sent_by_token")} IS NULL
    OR EXISTS (SELECT 1 FROM access_tokens WHERE id = ${column("sent_by_token")} AND deleted_at IS NULL AND disabled_at IS NULL)))`;
};
