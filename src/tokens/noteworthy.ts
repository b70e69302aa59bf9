import { type SQL, and, desc, isNull, sql } from "drizzle-orm";
import { guarded } from "../auth/guard.ts";
import { lives } from "../auth/lives.ts";
import type { OrgContext, PersonContext } from "../context.ts";
import { ownedByCaller } from "./owner.ts";
import { accessTokens } from "./table.ts";

const DAY = 86_400_000;
/** Number of tokens in one list. */
const LISTED = 6;
/** Number of a person's tokens and sessions that are looked at, newest first. */
const LOOKED_AT = 200;

const columns = {
  id: accessTokens.id,
  name: accessTokens.name,
  description: accessTokens.description,
  createdAt: accessTokens.createdAt,
  createdBy: accessTokens.createdBy,
  expiresAt: accessTokens.expiresAt,
};

/** SQL condition of the indexes `access_tokens_lasting` and `access_tokens_expiring`. SQLite needs it word for word. */
const lasting = (ctx: OrgContext): SQL =>
  sql`${accessTokens.orgId} = ${ctx.org.id} AND ${accessTokens.kind} = 'organization' AND ${accessTokens.deletedAt} IS NULL AND ${accessTokens.issuerId} IS NULL`;

/** The organization's tokens that expire within some days, the next one first, and those that were created within some days, newest first. */
export async function noteworthyTokens(ctx: OrgContext, { expireWithin, createdWithin }: { expireWithin: number; createdWithin: number }) {
  const { db } = ctx.store;
  const [expiring, created] = await guarded(ctx, [
    db
      .select(columns)
      .from(accessTokens)
      .where(
        and(
          lasting(ctx),
          sql`${accessTokens.expiresAt} IS NOT NULL AND ${accessTokens.expiresAt} > ${ctx.now} AND ${accessTokens.expiresAt} <= ${ctx.now + expireWithin * DAY}`,
        ),
      )
      .orderBy(accessTokens.expiresAt)
      .limit(LISTED + 1),
    db
      .select(columns)
      .from(accessTokens)
      .where(and(lasting(ctx), sql`${accessTokens.createdAt} >= ${ctx.now - createdWithin * DAY}`))
      .orderBy(desc(accessTokens.createdAt), desc(accessTokens.id))
      .limit(LISTED + 1),
  ]);
  return { expiring: page(expiring), created: page(created) };
}

/** The caller's own personal tokens that expire within some days. */
export async function ownExpiringTokens(ctx: OrgContext & PersonContext, days: number) {
  const newest = sql`(SELECT id FROM access_tokens WHERE user_id = ${ctx.actor.user.id} AND deleted_at IS NULL ORDER BY created_at DESC
    LIMIT ${sql.raw(String(LOOKED_AT))})`;
  const [rows] = await guarded(ctx, [
    ctx.store.db
      .select(columns)
      .from(accessTokens)
      .where(
        and(
          sql`${accessTokens.id} IN ${newest}`,
          ownedByCaller(ctx.actor, "personal"),
          isNull(accessTokens.issuerId),
          lives(ctx.now),
          sql`${accessTokens.expiresAt} <= ${ctx.now + days * DAY}`,
        ),
      )
      .orderBy(accessTokens.expiresAt)
      .limit(LISTED + 1),
  ]);
  return page(rows);
}

const page = <T>(rows: T[]) => ({ shown: rows.slice(0, LISTED), more: rows.length > LISTED });
