import type { OrgContext } from "../context.ts";
import type { StackPath } from "../stacks/path.ts";
import { callCoordinator, coordinatorOf, stackCall } from "../coordinator/client.ts";

/**
 * Deletes a stack.
 * @param force also deletes a stack that has resources, and first cancels its running update
 * @throws without force: 400 when the stack has resources, 409 when an update is running
 */
export const deleteStack = (ctx: OrgContext, path: StackPath, force: boolean) =>
  callCoordinator(ctx, coordinatorOf(ctx, path), (stub) => stub.remove({ ...stackCall(ctx, path), force }));
