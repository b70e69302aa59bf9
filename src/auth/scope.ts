import type { OrgContext } from "../context.ts";
import { type OrgPermission, type StackRef, inScope, membershipOf } from "./policy.ts";
import { refuse } from "./refuse.ts";

/**
 * Checks the token's limit on stacks for a stack that the body names: a stack to create, or a new name.
 * @throws 403 whether that stack exists or not, so that a token with a limit does not learn it
 */
export async function requireInScope(ctx: OrgContext, permission: OrgPermission, stack: StackRef): Promise<void> {
  if (inScope(ctx.actor, permission, stack) !== "allowed") throw await refuse(ctx, ctx.actor, membershipOf(ctx), permission, stack);
}
