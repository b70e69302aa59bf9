import type { Actor, RequestContext } from "../context.ts";
import { type AppError, forbidden } from "../errors.ts";
import { type ActorMembership, type OrgPermission, type StackRef, inScope, isPersonOnly, mayAs } from "./policy.ts";
import { recordForbidden, recordLimit } from "./refusals.ts";
import { whyForbidden } from "./whyForbidden.ts";

/** The 403 for a right that the caller does not have, recorded: as a limit of the token where its role has the right. */
export async function refuse(
  ctx: RequestContext,
  actor: Actor,
  membership: ActorMembership,
  permission: OrgPermission,
  stack?: StackRef,
): Promise<AppError> {
  const byRole = mayAs(membership, permission) && (actor.kind === "user" || !isPersonOnly(permission));
  const isLimit = byRole && inScope(actor, permission, stack) !== "allowed";
  if (isLimit) await recordLimit(ctx, actor, membership.org, "scope", permission);
  else await recordForbidden(ctx, actor, membership.org, permission);
  return forbidden(whyForbidden(actor, membership, permission, stack), isLimit ? "limited_credential" : undefined);
}
