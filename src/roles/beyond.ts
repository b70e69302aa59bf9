import { guarded } from "../auth/guard.ts";
import { membershipOf, scopesBeyond } from "../auth/policy.ts";
import { recordForbidden } from "../auth/refusals.ts";
import type { OrgContext } from "../context.ts";
import { forbidden } from "../errors.ts";

/** Requires that the caller has the rights that it gives to others (`scopesBeyond`). A refusal is recorded first. @throws 403 */
export async function requireScopes(ctx: OrgContext, scopes: string[]): Promise<void> {
  const [beyond] = scopesBeyond(ctx.actor, membershipOf(ctx), scopes);
  if (beyond === undefined) return;
  // The refusal must not rest on a cached identity.
  await guarded(ctx, []);
  await recordForbidden(ctx, ctx.actor, ctx.org, "role:update");
  throw forbidden(
    `You do not have permission to perform this operation: the role includes the right ${beyond.slice(0, 100)}, which you do not have on the whole organization. You can only create, change and assign roles with rights that you have.`,
  );
}
