import { auditEvent, auditStatement } from "../audit/record.ts";
import { circumstancesOf } from "../auth/editions.ts";
import type { Use } from "../auth/limits.ts";
import { guard } from "../auth/guard.ts";
import { dependsOnStack } from "../auth/onStack.ts";
import { type Circumstances, decide } from "../auth/policy.ts";
import type { Actor } from "../context.ts";
import { PreconditionFailed, batch } from "../db/client.ts";
import { type AppError, forbidden } from "../errors.ts";
import { auditName, pathText } from "../stacks/path.ts";
import { type Standing, readStarterFacts, rightOf, standingOf } from "./revoked.ts";
import type { Run } from "./storage/runs.ts";
import type { StackContext } from "./context.ts";
import { logError } from "../log.ts";

export interface RenewLease {
  updateId: string;
  /** 0 to 300. */
  seconds: number;
  /** The network that the renewal comes from. */
  from: Omit<Use, "now">;
}

/**
 * Checks in the database whether a run may continue, and records the result in the run. If the database does not answer, the run continues.
 * @param starter the caller that started it, if the object still knows it
 * @returns whether the run has to be aborted
 * @throws 403 when the lease may not be renewed from there
 */
export async function checkStarter(
  ctx: StackContext,
  run: Run,
  from: RenewLease["from"],
  now: number,
  starter: Actor | undefined,
): Promise<boolean> {
  let standing: Standing;
  try {
    if (starter && (await isUnchanged(ctx, run, starter, circumstancesOf({ env: ctx.env, now, ...from })))) {
      run.drain = undefined;
      return false;
    }
    standing = standingOf(run, await readStarterFacts(ctx.store, run, now), circumstancesOf({ env: ctx.env, now, ...from }));
  } catch (error) {
    logError("a lease was renewed without checking its token", error, { updateId: run.updateId });
    return false;
  }
  if (standing === "network") throw await refuseNetwork(ctx, run, from, now);
  if (standing !== "good" && "abort" in standing) {
    run.abortedFor = standing.abort;
    return true;
  }
  run.drain = standing === "good" ? undefined : standing.draining;
  return false;
}

/**
 * Whether the machine that started the run has the same token, rights, limits and settings as then, and may still do what it does. This is
 * nearly always so, and takes one statement in place of four. Rights on single stacks depend on more than the caller, and so do people: on
 * their sign-ins, and on where their tokens are barred.
 */
async function isUnchanged({ store }: StackContext, run: Run, starter: Actor, use: Circumstances): Promise<boolean> {
  if (starter.kind === "user" || dependsOnStack(starter) || decide(starter, rightOf(run), run.path.orgName, use, run.path) !== "allowed")
    return false;
  try {
    await batch(store, [guard(store, starter, use.now, run.orgId)]);
    return true;
  } catch (error) {
    if (error instanceof PreconditionFailed) return false;
    throw error;
  }
}

/** Records the refusal once for each run, because a client may repeat its call. */
async function refuseNetwork(ctx: StackContext, run: Run, { address, country }: RenewLease["from"], now: number): Promise<AppError> {
  if (!run.refusedNetwork) {
    const event = auditEvent({ now, address }, run.orgId, run.who, {
      event: "auth-failure-token-condition",
      description: `Refused to renew the lease of an update of stack "${pathText(run.path)}" (${run.updateId}): the token may not be used from ${address || "an unknown address"}${country && ` (${country})`}.`,
      stack: auditName(run.path),
    });
    await batch(ctx.store, [auditStatement(ctx.store, event)]);
    ctx.relaySoon(event);
    ctx.runs.save(Object.assign(run, { refusedNetwork: true as const }));
  }
  return forbidden("The lease of this update may not be renewed from your network address.", "limited_credential");
}
