import type { OrgContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { forbidden } from "../errors.ts";
import { circumstancesOf } from "./editions.ts";
import { guard } from "./guard.ts";
import { type OrgPermission, decide } from "./policy.ts";
import { recordForbidden } from "./refusals.ts";

/** Whether the caller has a right besides the route's own. */
export const has = (ctx: OrgContext, permission: OrgPermission): boolean =>
  decide(ctx.actor, permission, ctx.org.name, circumstancesOf(ctx)) === "allowed";

/** For a right that only what the body says asks for. @throws 403 */
export async function requireRight(ctx: OrgContext, permission: OrgPermission): Promise<void> {
  if (!has(ctx, permission)) throw await lacking(ctx, permission);
}

/** The refusal, once the log knows of it; never on a cached identity. */
export async function lacking(ctx: OrgContext, permission: OrgPermission) {
  await batch(ctx.store, [guard(ctx.store, ctx.actor, ctx.now, ctx.org.id)]);
  await recordForbidden(ctx, ctx.actor, ctx.org, permission);
  return forbidden();
}
