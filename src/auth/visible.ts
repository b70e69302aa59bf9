import { type SQL, and, sql } from "drizzle-orm";
import type { Actor, ActorContext, OrgContext } from "../context.ts";
import { limitFault } from "./limits.ts";
import { isStackGranted } from "./onStack.ts";
import { type Place, mayAs, placeOf } from "./policy.ts";
import { isVisible } from "./stackRules.ts";

/** True of a row of `stacks` of the call's organization whose name the caller may know. */
export const visibleHere = ({ actor, org }: OrgContext): SQL | undefined =>
  and(withinLimit(actor), listed(actor, [placeOf({ actor, org })]));

/**
 * The same of the stacks of all the caller's organizations. It stands beside `guardMemberships`.
 * @param only leaves out the places that are not asked about
 */
export function visibleTo(ctx: ActorContext, only: (place: Place) => boolean = () => true): SQL {
  const { actor } = ctx;
  const open = placesOf(actor).filter((place) => only(place) && !limitFault(actor.limits, place.settings, ctx));
  const orgs = JSON.stringify(open.map(({ org }) => org.id));
  return and(sql`stacks.org_id IN (SELECT value FROM json_each(${orgs}))`, withinLimit(actor), listed(actor, open))!;
}

export const placesOf = (actor: Actor): Place[] => (actor.kind === "user" ? actor.memberships : [actor]);

const withinLimit = ({ limits }: Actor) => isVisible(limits.stackRules, sql`stacks.project`, sql`stacks.name`);

/** Nothing to ask where each place gives the right on all of its stacks. */
function listed(actor: Actor, places: Place[]): SQL | undefined {
  const some = places.filter((place) => !mayAs(place, "stack:list"));
  if (some.length === 0) return undefined;
  const all = places.filter((place) => !some.includes(place)).map(({ org }) => org.id);
  return sql`(stacks.org_id IN (SELECT value FROM json_each(${JSON.stringify(all)})) OR ${isStackGranted(actor, some, "stack:list")})`;
}
