import { and, asc, eq, isNull } from "drizzle-orm";
import * as z from "zod/mini";
import { authenticate } from "../auth/authenticate.ts";
import { authorize } from "../auth/authorize.ts";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { AppError, badRequest } from "../errors.ts";
import { text } from "../http/bounded.ts";
import { type StackPath, pathText } from "../stacks/path.ts";
import { stacks } from "../stacks/table.ts";
import { callCoordinator, coordinatorOf, stackCall } from "../coordinator/client.ts";

export const TransferStackRequest = z.object({
  toOrg: text(200),
  fromOrg: z.nullish(text(200)),
  projectName: z.nullish(text(200)),
  stackName: z.nullish(text(200)),
});

export const TransferAllStacksRequest = z.object({ fromOrg: text(200), toOrg: text(200) });

/** Maximum number of stacks that one call moves, as in the contract. */
const MOST_STACKS = 100;

/**
 * Moves a stack to another organization of the caller. Its id, keys and history stay.
 * @throws 404 if the caller is not in that organization, 403 if the caller may not create stacks in it
 */
export async function transferStack(ctx: OrgContext, path: StackPath, body: z.infer<typeof TransferStackRequest>, request: Request) {
  const { fromOrg, projectName, stackName } = body;
  const named = { orgName: fromOrg ?? path.orgName, projectName: projectName ?? path.projectName, stackName: stackName ?? path.stackName };
  if (pathText(named).toLowerCase() !== pathText(path).toLowerCase()) throw badRequest("the body names another stack than the path");
  const target = await enterTarget(ctx, "stack:transfer", body.toOrg, request, path);
  await move(target, path);
  // The guard of the move has checked the right; afterwards the stack is in the other organization.
  const { onStack } = ctx.actor;
  if (onStack) onStack.guarded = onStack.needs.length;
}

/**
 * Moves all stacks of an organization, one after the other. A failure does not stop the others; the answer has the result for each stack.
 */
export async function transferAllStacks(
  ctx: OrgContext,
  body: z.infer<typeof TransferAllStacksRequest>,
  request: Request,
): Promise<string> {
  if (body.fromOrg !== ctx.org.name) throw badRequest("fromOrg must be the organization of the path");
  const target = await enterTarget(ctx, "organization:transfer_stacks", body.toOrg, request);
  const [rows] = await guarded(ctx, [
    ctx.store.db
      .select({ projectName: stacks.project, stackName: stacks.name })
      .from(stacks)
      .where(and(eq(stacks.orgId, ctx.org.id), isNull(stacks.deletedAt)))
      .orderBy(asc(stacks.project), asc(stacks.name))
      .limit(MOST_STACKS + 1),
  ]);
  if (rows.length > MOST_STACKS) throw badRequest(`an organization with more than ${MOST_STACKS} stacks cannot be transferred as a whole`);
  const lines: string[] = [];
  let transferred = 0;
  for (const row of rows) {
    const path = { orgName: ctx.org.name, ...row };
    try {
      await move(target, path);
      transferred++;
      lines.push(`${pathText(path)}: transferred`);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      lines.push(`${pathText(path)}: ${error.message}`);
    }
  }
  return [`Transferred ${transferred} of ${rows.length} stacks from ${ctx.org.name} to ${body.toOrg}.`, ...lines].join("\n");
}

/** Reads the caller from the database and not from the cache, and checks both rights. The move checks them again. */
async function enterTarget(
  ctx: OrgContext,
  permission: "stack:transfer" | "organization:transfer_stacks",
  toOrg: string,
  request: Request,
  stack?: StackPath,
) {
  const credential = await authenticate(ctx, request.headers.get("Authorization") ?? undefined, toOrg, { fresh: true });
  const { actor } = await authorize(ctx, credential, permission, ctx.org.name, stack);
  await authorize(ctx, credential, "stack:create", toOrg);
  const { org } = credential;
  if (!org || org.id === ctx.org.id) throw badRequest("toOrg must be another organization than that of the path");
  return { caller: { ...ctx, actor }, org };
}

const move = ({ caller, org }: Awaited<ReturnType<typeof enterTarget>>, path: StackPath) =>
  callCoordinator(caller, coordinatorOf(caller, path), (stub) =>
    stub.move({ ...stackCall(caller, path), updateId: crypto.randomUUID(), to: { ...path, orgName: org.name }, toOrgId: org.id }),
  );
