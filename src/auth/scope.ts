import type { OrgContext } from "../context.ts";
import { forbidden } from "../errors.ts";
import { type OrgPermission, type StackRef, inScope } from "./policy.ts";
import { recordLimit } from "./refusals.ts";

/**
 * For a stack that the body names and not the path: one that is to be made, or a new name.
 * @throws 403 whatever is there: a token that is limited to other stacks does not learn it
 */
export async function requireInScope(ctx: OrgContext, permission: OrgPermission, stack: StackRef): Promise<void> {
  if (inScope(ctx.actor, permission, stack) === "allowed") return;
  await recordLimit(ctx, ctx.actor, ctx.org, "scope", permission);
  throw forbidden(undefined, "limited_credential");
}
