import type { OrgContext } from "../context.ts";
import { asBodyError, bodyStream } from "../http/body.ts";
import type { StackPath } from "../stacks/path.ts";
import { newStateKey, writeObject } from "../stacks/objects.ts";
import { inspect } from "../state/checkpoint.ts";
import { badRequest } from "../errors.ts";
import { callCoordinator, coordinatorOf, stackCall } from "./call.ts";
import { fromStateError } from "./outcome.ts";

/** Bytes of a deployment after inflating. */
const IMPORT_LIMIT = 1024 * 1024 * 1024;

/**
 * Replaces the state, as a stream: checked on its way into R2, byte for byte as it came. Only then, in one step with
 * the caller's right, does it become the stack's next version.
 */
export async function importStack(ctx: OrgContext, path: StackPath, request: Request) {
  const stateKey = newStateKey();
  const updateId = crypto.randomUUID();
  try {
    const checked = inspect(bodyStream(request, IMPORT_LIMIT));
    await writeObject(ctx.env.STATE, stateKey, checked.chunks);
    const summary = checked.summary();
    if (!summary.manifestOk) throw badRequest("the manifest's magic does not fit its version");
    await callCoordinator(ctx, coordinatorOf(ctx, path), (stub) =>
      stub.commitImport({
        ...stackCall(ctx, path),
        updateId,
        stateKey,
        resources: summary.resources,
        rootOnly: summary.onlyRootStack,
        aliasFree: summary.aliasFree,
      }),
    );
  } catch (error) {
    // 503 may mean that it was committed and only the answer was lost; then the object is not an orphan. The sweep knows.
    throw fromStateError(asBodyError(error, IMPORT_LIMIT));
  }
  return { updateId };
}
