import { type SQL, and, eq, ne, sql } from "drizzle-orm";
import { mayGiveEverything, membershipOf } from "../auth/policy.ts";
import { lineHasEnded } from "../auth/lives.ts";
import { has } from "../auth/right.ts";
import { type OrgContext, isPerson } from "../context.ts";
import { invites } from "./table.ts";

/**
 * SQL condition: the caller may see the invitation and its link. Anyone with the link gets its role, so a machine sees no invitation for an
 * administrator, and a caller who is not an administrator sees only the invitations that this caller created.
 */
export const knownTo = (ctx: OrgContext) =>
  and(
    eq(invites.orgId, ctx.org.id),
    has(ctx, "org_member:set_admin") ? undefined : ne(invites.role, "admin"),
    mayGiveEverything(ctx.actor, membershipOf(ctx)) ? undefined : isOwn(ctx),
  )!;

const isOwn = ({ actor }: OrgContext) =>
  sql`${invites.madeWith} IN (SELECT id FROM access_tokens WHERE id = ${actor.token.id} OR user_id = ${actor.kind === "user" && isPerson(actor) ? actor.user.id : null})`;

/** SQL condition: a machine's token created the row of `invites`, because its `sent_by` is the organization's name. */
export const madeByMachine = sql`EXISTS (SELECT 1 FROM access_tokens WHERE access_tokens.id = invites.made_with AND access_tokens.org_id IS NOT NULL)`;

/** Milliseconds for which an invitation is valid after it was last sent. */
export const LIFE = 30 * 86_400_000;

/**
 * SQL condition on a row of `invites`: it can be accepted. It is pending and not too old. If a machine's token created it, the token or a
 * successor is still valid. A machine holds an exchanged token, also one of a person.
 * @param table the name of `invites` in the query
 */
export const isPending = (table: "invites" | "old", now: number): SQL => {
  const column = (name: string) => sql.raw(`${table}.${name}`);
  return sql`(${column("status")} = 'pending' AND ${column("sent_at")} > ${now - LIFE}
    AND NOT EXISTS (SELECT 1 FROM access_tokens AS maker WHERE maker.id = ${column("made_with")} AND (maker.org_id IS NOT NULL OR maker.issuer_id IS NOT NULL)
      AND ${lineHasEnded(now)}))`;
};
