import { type SQL, and, asc, eq, gt, isNull, lte, or, sql } from "drizzle-orm";
import { guarded } from "../auth/guard.ts";
import { meetsExpiryPolicy } from "../auth/limits.ts";
import { lives } from "../auth/lives.ts";
import { settingsOf } from "../auth/policy.ts";
import type { OrgContext } from "../context.ts";
import { members } from "../orgs/table.ts";
import { accessTokens } from "./table.ts";

const DAY = 86_400_000;

export interface RefusedByPolicy {
  /** Tokens of the organization. */
  machines: number;
  /** The names of the first of these tokens, in alphabetical order. */
  names: string[];
  /** Personal tokens of members who accepted the membership; these stay valid in other organizations. */
  personal: number;
  /** The caller's own tokens among those. */
  own: number;
  /** Whether the credential of this request is refused: for a session, the token that opened it counts. */
  caller: boolean;
}

/**
 * Valid tokens that a policy on expiry of `maxDays` days would refuse, because they expire later. An administrator sees them before setting
 * the policy.
 * @param most maximum number of names
 */
export async function tokensRefusedByPolicy(ctx: OrgContext, maxDays: number, most: number): Promise<RefusedByPolicy> {
  const { db } = ctx.store;
  const { maxTokenExpiryDays: before } = settingsOf(ctx);
  const tooLong = and(
    lives(ctx.now),
    // The policy does not apply to exchanged tokens.
    isNull(accessTokens.issuerId),
    or(isNull(accessTokens.expiresAt), gt(accessTokens.expiresAt, ctx.now + maxDays * DAY)),
    before === null ? undefined : lte(accessTokens.expiresAt, ctx.now + before * DAY),
  );
  const machine = and(tooLong, eq(accessTokens.orgId, ctx.org.id));
  const ofMembers = sql`${accessTokens.userId} IN (SELECT user_id FROM ${members} WHERE org_id = ${ctx.org.id} AND accepted_at IS NOT NULL)`;
  const personal = and(tooLong, ofMembers, eq(accessTokens.kind, "personal"));
  const count = (where: SQL | undefined) =>
    db
      .select({ total: sql<number>`count(*)`.as("total") })
      .from(accessTokens)
      .where(where);
  const self = ctx.actor.kind === "user" ? ctx.actor.user.id : "";
  const [machines, names, people, mine] = await guarded(ctx, [
    count(machine),
    db.select({ name: accessTokens.name }).from(accessTokens).where(machine).orderBy(asc(accessTokens.name)).limit(most),
    count(personal),
    count(and(personal, eq(accessTokens.userId, self))),
  ]);
  return {
    machines: machines[0]?.total ?? 0,
    names: names.map(({ name }) => name),
    personal: people[0]?.total ?? 0,
    own: mine[0]?.total ?? 0,
    caller: !meetsExpiryPolicy(ctx.actor.limits, maxDays, ctx.now),
  };
}
