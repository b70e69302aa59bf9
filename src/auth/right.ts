import type { OrgContext } from "../context.ts";
import type { AppError } from "../errors.ts";
import { circumstancesOf, editionFault, hasEverything } from "./editions.ts";
import { guarded } from "./guard.ts";
import { type OrgPermission, type StackRef, decide, mayAs, membershipOf } from "./policy.ts";
import { refuse } from "./refuse.ts";

/** Whether the caller has another right than the one that the route requires. @param stack the stack of the right, if there is one */
export function has(ctx: OrgContext, permission: OrgPermission, stack?: StackRef): boolean {
  const verdict = decide(ctx.actor, permission, ctx.org.name, circumstancesOf(ctx), stack);
  const { onStack } = ctx.actor;
  const isHere = onStack && onStack.projectName === stack?.projectName && onStack.stackName === stack.stackName;
  if (!isHere) return verdict === "allowed";
  // The guard of the work checks the right as well, because the facts may be unknown or may change.
  const may = verdict === "allowed" || verdict === "depends";
  if (may && !mayAs(membershipOf(ctx), permission)) onStack.needs.push(permission);
  return may;
}

/** Returns the refusal of a right that the organization's edition does not include. Nobody has such a right there. */
export function missingIn(ctx: OrgContext, permission: OrgPermission): AppError | undefined {
  const { defaultEdition, now } = circumstancesOf(ctx);
  return hasEverything(membershipOf(ctx).settings, defaultEdition, now) ? undefined : editionFault(permission);
}

/** Requires a right that the call needs because of its body. @throws 403 */
export async function requireRight(ctx: OrgContext, permission: OrgPermission, stack?: StackRef): Promise<void> {
  if (!has(ctx, permission, stack)) throw await lacking(ctx, permission, stack);
}

/** Records the refusal and returns it. It never rests on a cached identity. */
export async function lacking(ctx: OrgContext, permission: OrgPermission, stack?: StackRef) {
  await guarded(ctx, []);
  return refuse(ctx, ctx.actor, membershipOf(ctx), permission, stack);
}
