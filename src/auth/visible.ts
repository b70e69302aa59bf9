import { type SQL, and, sql } from "drizzle-orm";
import type { Actor, ActorContext, OrgContext } from "../context.ts";
import { useFault } from "./singleSignOn.ts";
import { isStackGranted } from "./onStack.ts";
import { type ActorMembership, mayAs, mayOnSome, membershipOf } from "./policy.ts";
import { isVisible } from "./stackRules.ts";

/** SQL condition on a row of `stacks`: the caller may know the stack. For stacks of the call's organization. */
export const visibleHere = ({ actor, org }: OrgContext): SQL | undefined =>
  and(withinLimit(actor), listed(actor, [membershipOf({ actor, org })]));

/**
 * SQL condition on a row of `stacks` of any of the caller's organizations: the caller may know the stack. Use it together with
 * `guardMemberships`.
 * @param only selects memberships
 */
export function visibleTo(ctx: ActorContext, only: (membership: ActorMembership) => boolean = () => true): SQL {
  const { actor } = ctx;
  // A list reads no stack of an organization in which the caller may list none.
  const open = membershipsOf(actor).filter(
    (membership) =>
      only(membership) && !useFault(actor, membership, ctx) && (mayAs(membership, "stack:list") || mayOnSome(membership, "stack:list")),
  );
  const orgs = JSON.stringify(open.map(({ org }) => org.id));
  return and(sql`stacks.org_id IN (SELECT value FROM json_each(${orgs}))`, withinLimit(actor), listed(actor, open))!;
}

export const membershipsOf = (actor: Actor): ActorMembership[] => (actor.kind === "user" ? actor.memberships : [actor]);

const withinLimit = ({ limits }: Actor) => isVisible(limits.stackRules, sql`stacks.project`, sql`stacks.name`);

/** Undefined if each membership gives the right on all of its stacks. */
function listed(actor: Actor, memberships: ActorMembership[]): SQL | undefined {
  const some = memberships.filter((membership) => !mayAs(membership, "stack:list"));
  if (some.length === 0) return undefined;
  const all = memberships.filter((membership) => !some.includes(membership)).map(({ org }) => org.id);
  return sql`(stacks.org_id IN (SELECT value FROM json_each(${JSON.stringify(all)})) OR ${isStackGranted(actor, some, "stack:list")})`;
}
