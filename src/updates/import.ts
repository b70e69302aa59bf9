import { metered } from "../auth/meter.ts";
import type { OrgContext } from "../context.ts";
import { bodyStream } from "../http/body.ts";
import { limitsOf } from "../limits.ts";
import type { StackPath } from "../stacks/path.ts";
import { requireStack } from "../stacks/get.ts";
import { fromStateError, manifestMismatch } from "../stacks/fromStateError.ts";
import { newStateKey, writeObject } from "../stacks/objects.ts";
import { inspect } from "../state/checkpoint.ts";
import { isRefused } from "../db/client.ts";
import { callCoordinator, coordinatorOf, stackCall } from "../coordinator/client.ts";
import { refuseForeignSecrets } from "./foreignSecrets.ts";

/**
 * Replaces the state of a stack. The body is a stream, which is validated on the way to R2 and stored byte for byte. Then one batch checks
 * the caller's right and makes it the stack's next version.
 */
export async function importStack(ctx: OrgContext, path: StackPath, request: Request) {
  await requireStack(ctx, path);
  const stateKey = newStateKey();
  const updateId = crypto.randomUUID();
  try {
    const limits = limitsOf(ctx.env);
    const checked = inspect(metered(ctx, ctx, bodyStream(request, limits.import)), { maxElement: limits.resource });
    await writeObject(ctx.env.STATE, stateKey, checked.chunks);
    const summary = checked.summary();
    if (!summary.manifestOk) throw manifestMismatch();
    await refuseForeignSecrets(ctx, path, summary);
    await callCoordinator(ctx, coordinatorOf(ctx, path), (stub) =>
      stub.commitImport({
        ...stackCall(ctx, path),
        updateId,
        stateKey,
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
