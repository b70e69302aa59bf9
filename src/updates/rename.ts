import * as z from "zod/mini";
import { requireInScope } from "../auth/scope.ts";
import type { OrgContext } from "../context.ts";
import { AppError } from "../errors.ts";
import { projectName, stackName } from "../http/names.ts";
import type { StackPath } from "../stacks/path.ts";
import { callCoordinator, coordinatorOf, stackCall } from "../coordinator/client.ts";

/** An empty name means that the name does not change (cli-protocol §3.8). */
const orKept = (name: z.ZodMiniString) =>
  z.pipe(
    z.transform((value) => (value === "" ? undefined : value)),
    z.nullish(name),
  );

export const RenameStackRequest = z.object({ newName: orKept(stackName), newProject: orKept(projectName) });

/** Renames a stack, its project, or both. The URNs in its state change too. */
export async function renameStack(ctx: OrgContext, path: StackPath, request: z.infer<typeof RenameStackRequest>) {
  const to = { ...path, projectName: request.newProject ?? path.projectName, stackName: request.newName ?? path.stackName };
  if (to.projectName === path.projectName && to.stackName === path.stackName) throw new AppError(400, "No rename to apply.");
  await requireInScope(ctx, "stack:rename", to);
  const updateId = crypto.randomUUID();
  await callCoordinator(ctx, coordinatorOf(ctx, path), (stub) => stub.move({ ...stackCall(ctx, path), updateId, to, toOrgId: ctx.org.id }));
  return { updateId };
}
