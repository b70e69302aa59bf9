import { type SQL, and, eq, sql } from "drizzle-orm";
import type { BatchItem, BatchResponse } from "drizzle-orm/batch";
import type { Actor, Membership, OrgContext } from "../context.ts";
import { type Store, batch, failUnless } from "../db/client.ts";
import { members } from "../orgs/table.ts";
import { accessTokens } from "../tokens/table.ts";
import { isOpenTo } from "./barred.ts";
import { lives } from "./lives.ts";
import { sessionOpenerIsValid } from "./sessionOpener.ts";
import { stackGivesNeeds } from "./onStack.ts";
import { type ActorMembership, isAdministrator, mayAs } from "./policy.ts";
import { settingsAreUnchanged } from "./settings.ts";

/**
 * The first statement of a batch whose work must not rest on a cached identity. It writes nothing, and it fails the whole batch unless the
 * token is valid and its rights, limits and settings are unchanged since they were checked (platform-facts PT-2). The check and the work are
 * one transaction on the primary, so no work is accepted after the answer to a deletion.
 * The row must have the hash of the presented value, so the cached identity of another token gives no right.
 * The conditions are flat text, because Drizzle takes each nested part to pieces again at each call (docs/decisions/0030).
 * @param orgId the organization of the work; undefined for work on the caller's own account
 * @param unless lets a token pass that is not valid any more, see `drains`
 */
export function guard(store: Store, actor: Actor, now: number, orgId?: string, unless?: SQL) {
  // The token may end while a long body arrives, so the time of the work counts.
  const at = Math.max(now, Date.now());
  const presented = isPresented(actor);
  const alive = sql`${presented} AND ${lives(at)} AND access_tokens.version = ${actor.limits.version} AND ${sessionOpenerIsValid}`;
  const passes = unless && sql`OR ${unless} AND EXISTS (SELECT 1 FROM access_tokens WHERE ${presented})`;
  const query = store.db.select({ holds: failUnless(sql`count(*) = 1 ${passes ?? sql``}`) }).from(accessTokens);
  switch (actor.kind) {
    case "organization":
    case "team":
      return query.where(
        and(
          sql`${alive} AND access_tokens.org_id = ${actor.org.id} AND access_tokens.role = ${actor.role}`,
          settingsAreUnchanged(actor.org.id, actor.settings),
          stackGivesNeeds(actor, actor),
        ),
      );
    case "user": {
      const own = and(alive, eq(accessTokens.userId, actor.user.id));
      if (orgId === undefined) return query.where(own);
      const membership = actor.memberships.find((m) => m.org.id === orgId);
      if (!membership) return query.where(sql`0`);
      return query.where(
        and(
          own,
          membershipIsUnchanged(actor.user.id, membership),
          settingsAreUnchanged(orgId, membership.settings),
          stackGivesNeeds(actor, membership),
        ),
      );
    }
  }
}

/** The parts of a context that the guards of a call in an organization read. */
type Guarded = Pick<OrgContext, "store" | "actor" | "now" | "org" | "relied">;

/** Sends statements in one batch, after the guards of a call in an organization. @returns their results, without those of the guards */
export async function guarded<U extends BatchItem<"sqlite">, T extends Readonly<[] | [U, ...U[]]>>(
  ctx: Guarded,
  statements: T,
): Promise<BatchResponse<T>> {
  const guards = guardsOf(ctx);
  const results = await batch(ctx.store, [...guards, ...statements]);
  return results.slice(guards.length) as BatchResponse<T>;
}

/**
 * The guard as a column, for a call whose work is one query: it fails the query as it fails a batch. The query must always return a row,
 * because the guard is evaluated only for rows that are returned.
 */
export const guardColumn = ({ store, actor, now, org }: Guarded): SQL.Aliased<number> =>
  sql<number>`${guard(store, actor, now, org.id)}`.as("guard_holds");

/** The first statements of a batch of a call in an organization: its `guard`, and one for the conditions that the call relies on. */
export function guardsOf({ store, actor, now, org, relied = [] }: Guarded): [BatchItem<"sqlite">, ...BatchItem<"sqlite">[]] {
  const first = guard(store, actor, now, org.id);
  return relied.length === 0 ? [first] : [first, store.db.select({ holds: failUnless(and(...relied)!) }).from(sql`(SELECT 1)`)];
}

/**
 * Makes every later guard of the call check a condition that holds now. Use it for what a call reads before its work: if that changes before the
 * work is done, the work is not done, and the call begins again. The work is the last batch of the call.
 */
export const rely = (ctx: OrgContext, condition: SQL): void => void (ctx.relied ??= []).push(condition);

/** SQL condition: the rights of an actor in an organization are those that were read. The actor need not be the caller. */
export const rightsAreUnchanged = (actor: Actor, membership: ActorMembership): SQL =>
  and(
    settingsAreUnchanged(membership.org.id, membership.settings),
    actor.kind === "user"
      ? membershipIsUnchanged(actor.user.id, membership as Membership)
      : sql`EXISTS (SELECT 1 FROM ${accessTokens} WHERE ${eq(accessTokens.id, actor.token.id)} AND ${eq(accessTokens.version, actor.limits.version)})`,
  )!;

/**
 * SQL condition: the membership has the rights that were checked. Roles of teams change nothing for an administrator, who has every right. The
 * first grant on a stack only counts for a member who may not list all stacks.
 */
export const membershipIsUnchanged = (userId: string, membership: Membership) =>
  sql`EXISTS (SELECT 1 FROM ${members} WHERE ${and(
    eq(members.orgId, membership.org.id),
    eq(members.userId, userId),
    eq(members.role, membership.role),
    isAdministrator(membership) ? undefined : eq(members.access, membership.access),
    mayGetFirstGrant(membership) ? eq(members.hasStackGrants, false) : undefined,
  )})`;

const mayGetFirstGrant = (membership: Membership) => !membership.hasStackGrants && !mayAs(membership, "stack:list");

/** SQL condition: the row of `access_tokens` is that of the presented value. */
export const isPresented = ({ token }: Actor): SQL => sql`(access_tokens.id = ${token.id} AND access_tokens.hash = ${token.hash})`;

/**
 * Follows `guard` in the batch of a list over several organizations. It fails unless each of the caller's memberships has the rights, the
 * settings and the consent that were checked. A token that is valid in one organization has no other memberships.
 */
export function guardMemberships(store: Store, actor: Actor) {
  const judged =
    actor.kind === "user"
      ? actor.memberships.map((membership) => ({
          org: membership.org.id,
          role: membership.role,
          version: membership.settings.version,
          accepted: Number(membership.isAccepted),
          // Null is equal to everything.
          access: isAdministrator(membership) ? null : membership.access,
          grants: mayGetFirstGrant(membership) ? 0 : null,
        }))
      : [];
  const userId = actor.kind === "user" ? actor.user.id : "";
  const was = (name: keyof (typeof judged)[number]) => sql.raw(`judged.value->>'${name}'`);
  const unjudged = sql`EXISTS (SELECT 1 FROM ${members} JOIN organizations ON organizations.id = org_id WHERE user_id = ${userId} AND org_id = coalesce(${actor.limits.onlyOrgId}, org_id)
    AND ${isOpenTo(sql`${actor.token.id}`)} AND NOT EXISTS (SELECT 1 FROM json_each(${JSON.stringify(judged)}) AS judged WHERE ${was("org")} = org_id AND ${was("role")} = role
      AND ${was("version")} = settings_version AND ${was("accepted")} = (accepted_at IS NOT NULL)
      AND coalesce(${was("access")}, access) = access AND coalesce(${was("grants")}, has_stack_grants) = has_stack_grants))`;
  return store.db.select({ holds: failUnless(sql`NOT ${unjudged}`) }).from(sql`(SELECT 1)`);
}
