import { type Actor, type RequestContext, isPerson } from "../context.ts";
import { type AppError, forbidden } from "../errors.ts";
import { type ActorMembership, type OrgPermission, type StackRef, inScope, isPersonOnly, mayAs } from "./policy.ts";
import { recordForbidden, recordLimit } from "./refusals.ts";
import { whyForbidden } from "./whyForbidden.ts";

/** Records the refusal of a right and returns the 403. If the caller's role has the right, the refusal counts as one by the token's limit. */
export async function refuse(
  ctx: RequestContext,
  actor: Actor,
  membership: ActorMembership,
  permission: OrgPermission,
  stack?: StackRef,
): Promise<AppError> {
  const byRole = mayAs(membership, permission) && (isPerson(actor) || !isPersonOnly(permission));
  const isLimit = byRole && inScope(actor, permission, stack) !== "allowed";
  if (isLimit) await recordLimit(ctx, actor, membership.org, "scope", permission);
  else await recordForbidden(ctx, actor, membership.org, permission);
  return forbidden(whyForbidden(actor, membership, permission, stack), isLimit ? "limited_credential" : undefined);
}
