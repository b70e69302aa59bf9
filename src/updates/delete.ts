import type { OrgContext } from "../context.ts";
import type { StackPath } from "../stacks/path.ts";
import { callCoordinator, coordinatorOf, stackCall } from "./call.ts";

/**
 * Deletes a stack, unless an update has it.
 * @param force even if it has resources
 * @throws 400 when it has some and is not forced
 */
export const deleteStack = (ctx: OrgContext, path: StackPath, force: boolean) =>
  callCoordinator(ctx, coordinatorOf(ctx, path), (stub) => stub.remove({ ...stackCall(ctx, path), force }));
