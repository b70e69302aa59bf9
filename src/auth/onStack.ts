import { type SQL, and, sql } from "drizzle-orm";
import { isGranted } from "../access/filter.ts";
import type { Actor, OnStack } from "../context.ts";
import type { Store } from "../db/client.ts";
import { stacks } from "../stacks/table.ts";
import type { GrantPermission } from "../teams/table.ts";
import { type OrgPermission, type ActorMembership, type StackRef, grantsWith, mayByToggle, rulesFor } from "./policy.ts";

/**
 * SQL condition on a row of `stacks`: one of these memberships gives the right on it, by a custom role or by a grant. It gives the same result
 * as `decide` with the facts of that stack.
 */
export function isStackGranted(actor: Actor, memberships: ActorMembership[], permission: OrgPermission): SQL {
  const byRules = memberships.map((membership) => ({ orgId: membership.org.id, rules: rulesFor(membership, permission) }));
  const granting = memberships
    .filter((membership) => membership.hasStackGrants && mayByToggle(membership, permission))
    .map(({ org }) => org.id);
  const numbers = grantsWith(permission);
  if (granting.length === 0 || numbers.length === 0) return isGranted(byRules);
  return sql`(${isGranted(byRules)} OR stacks.org_id IN (SELECT value FROM json_each(${JSON.stringify(granting)}))
    AND EXISTS (SELECT 1 FROM stack_grants WHERE stack_id = stacks.id AND permission IN (${sql.raw(numbers.join(", "))}) AND ${isGrantee(actor.token.id)}))`;
}

/**
 * SQL condition on a row of `stack_grants`: the grant is for the holder of that token. That is its person, a team of its person, the team of a
 * team token, or the organization token itself with its predecessors and successors.
 */
const isGrantee = (tokenId: string): SQL => sql`(grantee_kind, grantee_id) IN (
  WITH held AS (SELECT id, kind, user_id, team_id, family_id FROM access_tokens WHERE id = ${tokenId})
  SELECT 'user', user_id FROM held WHERE user_id IS NOT NULL
  UNION ALL SELECT 'team', team_id FROM team_members WHERE user_id = (SELECT user_id FROM held)
  UNION ALL SELECT 'team', team_id FROM held WHERE team_id IS NOT NULL
  UNION ALL SELECT 'token', coalesce(family_id, id) FROM held WHERE kind = 'organization')`;

/**
 * Whether a right that the call needs comes from a rule or a grant for its stack. A machine has a grant on each stack that it has created, but most
 * have the same right by their role, and then nothing depends on the stack.
 */
export const dependsOnStack = ({ onStack }: Actor): boolean => onStack !== undefined && onStack.needs.length > 0;

/** SQL condition for a guard: the actor has the rights that the call needs on its stack. */
export function stackGivesNeeds(actor: Actor, membership: ActorMembership): SQL | undefined {
  const { onStack } = actor;
  if (!onStack || !dependsOnStack(actor)) return undefined;
  onStack.guarded = onStack.needs.length;
  const orgId = membership.org.id;
  const place = isAt(orgId, onStack);
  // A statement has at most 100 parameters (platform-facts D-2), and a call can need every right. So one look-up of the grants is for all
  // rights.
  const needs = [...new Set(onStack.needs)].map((permission) => {
    const byRules = isGranted([{ orgId, rules: rulesFor(membership, permission) }]);
    const numbers = membership.hasStackGrants && mayByToggle(membership, permission) ? grantsWith(permission) : [];
    if (numbers.length === 0) return byRules;
    return sql`(${byRules} OR EXISTS (SELECT 1 FROM given WHERE permission IN (${sql.raw(numbers.join(", "))})))`;
  });
  const given = sql`SELECT permission FROM stack_grants WHERE stack_id IN (SELECT id FROM stacks WHERE ${place}) AND ${isGrantee(actor.token.id)}`;
  return sql`EXISTS (WITH given AS (${given}) SELECT 1 FROM stacks WHERE ${place} AND ${and(...needs)})`;
}

const isAt = (orgId: string, { projectName, stackName }: StackRef) => sql`stacks.org_id = ${orgId}
  AND lower(stacks.project) = lower(${projectName}) AND lower(stacks.name) = lower(${stackName}) AND stacks.deleted_at IS NULL`;

/** The query of the facts about a stack that the rights of a token's holder depend on, for a batch. */
export const stackFactsQuery = ({ db }: Store, tokenId: string, orgId: string, stack: StackRef) =>
  db
    .select({
      stackId: stacks.id,
      tags: sql<string>`(SELECT json_group_array(json_array(name, value)) FROM stack_tags WHERE stack_id = stacks.id)`.as("tags"),
      granted: sql<string>`(SELECT json_group_array(permission) FROM stack_grants WHERE stack_id = stacks.id AND ${isGrantee(tokenId)})`.as(
        "granted",
      ),
    })
    .from(stacks)
    .where(isAt(orgId, stack));

/** @returns null if there is no such stack */
export function toStackFacts(rows: Awaited<ReturnType<typeof stackFactsQuery>>): OnStack["facts"] {
  const row = rows[0];
  if (!row) return null;
  const tags = Object.fromEntries(JSON.parse(row.tags) as [string, string][]);
  return { stackId: row.stackId, tags, granted: JSON.parse(row.granted) as GrantPermission[] };
}
