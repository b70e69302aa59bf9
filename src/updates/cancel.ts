import type { OrgContext } from "../context.ts";
import type { StackPath } from "../stacks/path.ts";
import { callCoordinator, coordinatorOf, stackCall } from "../coordinator/client.ts";

/** Cancels a running update. @throws 404 for an unknown update, 409 for one that does not run */
export const cancelUpdate = (ctx: OrgContext, path: StackPath, updateId: string) =>
  callCoordinator(ctx, coordinatorOf(ctx, path), (stub) => stub.cancel({ ...stackCall(ctx, path), updateId }));
