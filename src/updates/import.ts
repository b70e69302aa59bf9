import { metered } from "../auth/meter.ts";
import { isAdministrator, membershipOf } from "../auth/policy.ts";
import { lacking } from "../auth/right.ts";
import type { OrgContext } from "../context.ts";
import { forbidden } from "../errors.ts";
import { bodyStream } from "../http/body.ts";
import { limitsOf } from "../limits.ts";
import type { StackPath } from "../stacks/path.ts";
import { requireStack } from "../stacks/get.ts";
import { findState, readState } from "../stacks/stateAt.ts";
import { fromStateError, manifestMismatch } from "../stacks/fromStateError.ts";
import { newStateKey, writeObject } from "../stacks/objects.ts";
import { inspect } from "../state/checkpoint.ts";
import { isRefused } from "../db/client.ts";
import { callCoordinator, coordinatorOf, stackCall } from "../coordinator/client.ts";
import { refuseForeignSecrets } from "./foreignSecrets.ts";

/** Replaces the state of a stack by the body of the request. */
export async function importStack(ctx: OrgContext, path: StackPath, request: Request) {
  await requireStack(ctx, path);
  return importState(ctx, path, metered(ctx, ctx, bodyStream(request, limitsOf(ctx.env).import)));
}

/**
 * Makes the state of an earlier version the stack's next version. Its text stays byte for byte, except for names of before a rename.
 * Configuration and history stay.
 * @throws 403 for a caller who is not an administrator, 404 when there is no such version, 409 while an update runs
 */
export async function restoreVersion(ctx: OrgContext, path: StackPath, version: number) {
  await requireAdministrator(ctx, path);
  const state = await findState(ctx, path, version);
  return importState(ctx, path, metered(ctx, ctx, await readState(ctx, path, state)), version);
}

/** The refusal is recorded. @throws 403 */
export async function requireAdministrator(ctx: OrgContext, path: StackPath): Promise<void> {
  if (isAdministrator(membershipOf(ctx))) return;
  await lacking(ctx, "stack:import", path);
  throw forbidden("Only administrators of the organization can restore a version here.");
}

/**
 * Makes a state the stack's next version. The stream is validated on the way to R2 and stored byte for byte. Then one batch checks the
 * caller's right and records the version.
 * @param restored the version that the state is from
 */
async function importState(ctx: OrgContext, path: StackPath, chunks: AsyncIterable<Uint8Array>, restored?: number) {
  const stateKey = newStateKey();
  const updateId = crypto.randomUUID();
  try {
    const checked = inspect(chunks, { maxElement: limitsOf(ctx.env).resource });
    await writeObject(ctx.env.STATE, stateKey, checked.chunks);
    const summary = checked.summary();
    if (!summary.manifestOk) throw manifestMismatch();
    await refuseForeignSecrets(ctx, path, summary);
    await callCoordinator(ctx, coordinatorOf(ctx, path), (stub) =>
      stub.commitImport({
        ...stackCall(ctx, path),
        updateId,
        stateKey,
        ...(restored !== undefined && { restored }),
        resources: summary.resources,
        rootOnly: summary.onlyRootStack,
        aliasFree: summary.aliasFree,
        references: summary.references,
      }),
    );
  } catch (error) {
    const refusal = fromStateError(error);
    if (isRefused(refusal)) ctx.background("orphan", (env) => env.STATE.delete(stateKey));
    throw refusal;
  }
  return { updateId };
}
