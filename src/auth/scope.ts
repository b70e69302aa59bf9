import type { OrgContext } from "../context.ts";
import { type OrgPermission, type StackRef, inScope, membershipOf } from "./policy.ts";
import { refuse } from "./refuse.ts";

/**
 * For a stack that the body names and not the path: one that is to be made, or a new name.
 * @throws 403 whether that stack exists or not: a token that is limited to other stacks does not learn it
 */
export async function requireInScope(ctx: OrgContext, permission: OrgPermission, stack: StackRef): Promise<void> {
  if (inScope(ctx.actor, permission, stack) !== "allowed") throw await refuse(ctx, ctx.actor, membershipOf(ctx), permission, stack);
}
