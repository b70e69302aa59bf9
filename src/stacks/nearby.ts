import { dependsOnStack } from "../auth/onStack.ts";
import { membershipOf } from "../auth/policy.ts";
import type { OrgContext, StackFacts, StackNearby } from "../context.ts";
import { type StackPath, coordinatorName } from "./path.ts";

/**
 * What a stack's object can answer instead of the database, which may be far away (docs/decisions/0028). This isolate remembers which callers
 * a guard has just let read which stack. It asks the object only for these callers, and only while they have the same token and rights.
 */
interface Admitted {
  stackId: string;
  /** The versions of the caller's limits and rights that the guard has found to be the current ones. */
  rights: string;
  at: number;
  /** The caller has started an update of the stack. */
  isStarter: boolean;
  /** The caller has not read the stack since then. The CLI reads it once, so a later read belongs to another command. */
  isUnread: boolean;
}

/** Milliseconds for which a caller that has read the stack may encrypt with its key; the object relies on this bound (`DEPARTED`). */
export const ADMITTED_FOR = 10_000;
/** How long the object is asked about an update that was started here. The object knows whether it still runs. */
const STARTED_FOR = 600_000;
const MOST = 1000;

const admitted = new Map<string, Admitted>();

const keyOf = ({ org, actor }: OrgContext, path: StackPath) => `${actor.token.hash} ${org.id}/${path.projectName}/${path.stackName}`;

/** The facts that a guard compares with the database. */
function rightsOf(ctx: OrgContext): string {
  const { role, settings, ...membership } = membershipOf(ctx);
  return JSON.stringify([ctx.actor.limits.version, settings.version, role, "access" in membership ? membership.access : ""]);
}

/** Notes that a guard has let the caller read the stack. Rights on single stacks depend on more than the caller, so they are not noted. */
export function noteAdmitted(ctx: OrgContext, path: StackPath, stackId: string, isStarter = false): void {
  if (dependsOnStack(ctx.actor)) return;
  if (admitted.size >= MOST) admitted.clear();
  const key = keyOf(ctx, path);
  const wasStarter = admitted.get(key)?.isStarter ?? false;
  admitted.set(key, { stackId, rights: rightsOf(ctx), at: Date.now(), isStarter: isStarter || wasStarter, isUnread: isStarter });
}

/**
 * The stack as it was when the caller started the update of it that runs now; undefined if anything has changed, or if that is not known.
 */
export async function stackAtStart(ctx: OrgContext, path: StackPath): Promise<StackFacts | undefined> {
  const one = find(ctx, path);
  if (!one?.isUnread) return undefined;
  one.isUnread = false;
  return (await ask(ctx, path, one)).stack;
}

/** The id of a stack for whose key the caller may encrypt; undefined if the database has to be asked. */
export async function idToEncrypt(ctx: OrgContext, path: StackPath): Promise<string | undefined> {
  const one = find(ctx, path);
  return one && (await ask(ctx, path, one)).stackId;
}

function find(ctx: OrgContext, path: StackPath): Admitted | undefined {
  const one = admitted.get(keyOf(ctx, path));
  const isFresh = one && Date.now() - one.at < (one.isStarter ? STARTED_FOR : ADMITTED_FOR);
  return isFresh && !dependsOnStack(ctx.actor) && one.rights === rightsOf(ctx) ? one : undefined;
}

async function ask(ctx: OrgContext, path: StackPath, { stackId, at }: Admitted): Promise<StackNearby> {
  const isFresh = Date.now() - at < ADMITTED_FOR;
  const { hash } = ctx.actor.token;
  const found = await ctx.askStack(coordinatorName(ctx.org.id, path), { tokenHash: hash, ...(isFresh && { stackId }) });
  if (!found.stack && !found.stackId) admitted.delete(keyOf(ctx, path));
  return found;
}

/** Tells the stack's object that tags or the configuration have changed. Call it after the change and before the answer. */
export const tellChange = (ctx: OrgContext, path: StackPath): Promise<void> => ctx.stackChanged(coordinatorName(ctx.org.id, path));

/** Forgets all callers, as in another isolate. For tests. */
export const forgetAdmitted = (): void => admitted.clear();
