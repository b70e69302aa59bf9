import type { OrgPermission } from "../access/permissions.ts";
import { guarded } from "../auth/guard.ts";
import { isAdministrator, membershipOf, scopesBeyond } from "../auth/policy.ts";
import { recordForbidden } from "../auth/refusals.ts";
import type { OrgContext } from "../context.ts";
import { forbidden } from "../errors.ts";

/**
 * Requires that the caller has the rights of the roles that it gives to others, and of the roles that it takes from them: by a change, a deletion or
 * a replacement of the role, or by removing it from a team. An administrator may take every role away, also with a machine token, which cannot
 * give rights of people (`scopesBeyond`). A refusal is recorded first.
 * @param permission the right in the record of the refusal
 * @throws 403
 */
export async function requireScopes(
  ctx: OrgContext,
  given: readonly string[],
  taken: readonly string[] = [],
  permission: OrgPermission = "role:update",
): Promise<void> {
  const place = membershipOf(ctx);
  const [beyond] = scopesBeyond(ctx.actor, place, isAdministrator(place) ? given : [...given, ...taken]);
  if (beyond === undefined) return;
  // The refusal must not rest on a cached identity.
  await guarded(ctx, []);
  await recordForbidden(ctx, ctx.actor, ctx.org, permission);
  throw forbidden(
    `You do not have permission to perform this operation: the role includes the right ${beyond.slice(0, 100)}, which you do not have on the whole organization. You can only create, change, assign and remove roles with rights that you have.`,
  );
}
