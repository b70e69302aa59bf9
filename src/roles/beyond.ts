import { guarded } from "../auth/guard.ts";
import { membershipOf, scopesBeyond } from "../auth/policy.ts";
import { recordForbidden } from "../auth/refusals.ts";
import type { OrgContext } from "../context.ts";
import { forbidden } from "../errors.ts";

/** Nobody gives rights away that the caller does not have, see `scopesBeyond`. @throws 403, once the log knows of it */
export async function requireScopes(ctx: OrgContext, scopes: string[]): Promise<void> {
  const [beyond] = scopesBeyond(ctx.actor, membershipOf(ctx), scopes);
  if (beyond === undefined) return;
  // The refusal must not rest on a cached identity.
  await guarded(ctx, []);
  await recordForbidden(ctx, ctx.actor, ctx.org, "role:update");
  throw forbidden(
    `You do not have permission to perform this operation: the role includes the right ${beyond.slice(0, 100)}, which this access token does not have in the whole organization. Nobody gives a role with more rights than their own.`,
  );
}
