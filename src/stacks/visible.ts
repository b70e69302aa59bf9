import { and, eq, sql } from "drizzle-orm";
import { mayAs, refusingOrgs } from "../auth/policy.ts";
import { isVisible } from "../auth/stackRules.ts";
import type { ActorContext } from "../context.ts";
import { stacks } from "./table.ts";

/** Condition for the stacks whose names the caller may know, for lists over several organizations. */
export const visibleTo = (ctx: ActorContext) =>
  and(
    inMine(ctx),
    sql`${stacks.orgId} NOT IN (SELECT value FROM json_each(${JSON.stringify(refusingOrgs(ctx.actor, ctx))}))`,
    isVisible(ctx.actor.limits.stackRules, sql`${stacks.project}`, sql`${stacks.name}`),
  );

const inMine = ({ actor }: ActorContext) =>
  actor.kind === "user"
    ? sql`${stacks.orgId} IN (SELECT org_id FROM members JOIN organizations ON organizations.id = org_id WHERE user_id = ${actor.user.id}
        AND (role = 'admin' OR role = 'member' AND default_stack_permission > 0))`
    : and(eq(stacks.orgId, actor.org.id), sql`${mayAs(actor, "stack:list") ? 1 : 0}`);
