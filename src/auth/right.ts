import type { OrgContext } from "../context.ts";
import { circumstancesOf } from "./editions.ts";
import { guarded } from "./guard.ts";
import { type OrgPermission, type StackRef, decide, mayAs, membershipOf } from "./policy.ts";
import { refuse } from "./refuse.ts";

/** Whether the caller has a right besides the route's own. @param stack the one that it is about, if it is about one */
export function has(ctx: OrgContext, permission: OrgPermission, stack?: StackRef): boolean {
  const verdict = decide(ctx.actor, permission, ctx.org.name, circumstancesOf(ctx), stack);
  const { onStack } = ctx.actor;
  const isHere = onStack && onStack.projectName === stack?.projectName && onStack.stackName === stack.stackName;
  if (!isHere) return verdict === "allowed";
  // The guard of the work asks for the right, until the facts are known and after that.
  const may = verdict === "allowed" || verdict === "depends";
  if (may && !mayAs(membershipOf(ctx), permission)) onStack.needs.push(permission);
  return may;
}

/** For a right that only what the body says asks for. @throws 403 */
export async function requireRight(ctx: OrgContext, permission: OrgPermission, stack?: StackRef): Promise<void> {
  if (!has(ctx, permission, stack)) throw await lacking(ctx, permission, stack);
}

/** The refusal, once the log knows of it; never on a cached identity. */
export async function lacking(ctx: OrgContext, permission: OrgPermission, stack?: StackRef) {
  await guarded(ctx, []);
  return refuse(ctx, ctx.actor, membershipOf(ctx), permission, stack);
}
