import type { OrgContext, StackNearby, StackQuestion } from "../context.ts";
import type { Bindings } from "../env.ts";
import { AppError, unavailable } from "../errors.ts";
import { PreconditionFailed } from "../db/client.ts";
import { type Outcome, unwrap } from "./outcome.ts";
import type { StackCall } from "./context.ts";
import { type StackPath, coordinatorName } from "../stacks/path.ts";
import { logError } from "../log.ts";

type Coordinator = ReturnType<Bindings["STACKS"]["get"]>;

export const coordinatorAt = (env: Bindings, name: string): Coordinator => env.STACKS.get(env.STACKS.idFromName(name));

/** Calls the object that owns a stack. @throws the object's refusal, or 503 when it cannot be reached */
export async function callCoordinator<T>(
  ctx: Pick<OrgContext, "env" | "roundTrips">,
  name: string,
  call: (coordinator: Coordinator) => Promise<Outcome<T>>,
): Promise<T> {
  let outcome: Outcome<T>;
  try {
    outcome = await call(coordinatorAt(ctx.env, name));
  } catch (error) {
    if (error instanceof AppError || error instanceof PreconditionFailed) throw error;
    logError("stack object failed", error);
    throw unavailable("the stack");
  }
  return unwrap(ctx.roundTrips, outcome);
}

/** Asks a stack's object what it knows without the database: nothing when it cannot be reached. */
export async function askStack(env: Bindings, name: string, question: StackQuestion): Promise<StackNearby> {
  try {
    return await coordinatorAt(env, name).nearby(question);
  } catch (error) {
    logError("a stack's object did not answer a question", error);
    return {};
  }
}

/** Tells a stack's object that tags or the configuration have changed. An object that cannot be reached is likely to restart, and then forgets them. */
export async function stackChanged(env: Bindings, name: string): Promise<void> {
  try {
    await coordinatorAt(env, name).forgetFacts();
  } catch (error) {
    logError("a stack's object was not notified of a change", error);
  }
}

/** The fields of `StackCall`, taken from a request. */
export function stackCall(ctx: OrgContext, path: StackPath): StackCall {
  const { actor } = ctx;
  // The object's work begins with a guard, which asks for the rights on the stack.
  if (actor.onStack) actor.onStack.guarded = actor.onStack.needs.length;
  return { actor, orgId: ctx.org.id, path, now: ctx.now, address: ctx.address };
}

export const coordinatorOf = (ctx: OrgContext, path: StackPath) => coordinatorName(ctx.org.id, path);
