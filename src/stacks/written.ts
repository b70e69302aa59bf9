import type { StackRef } from "../auth/policy.ts";
import type { OrganizationRef, RequestContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { AppError } from "../errors.ts";
import { isCertain, stackAtAnyCase } from "./path.ts";
import { stacks } from "./table.ts";

/** Handles a request with the names in its path. After a 404 it handles it again with the exact names of the stack. */
export async function withWrittenNames<T>(
  ctx: RequestContext,
  org: OrganizationRef | undefined,
  path: StackRef | undefined,
  handle: (written?: StackRef) => Promise<T>,
): Promise<T> {
  try {
    return await handle();
  } catch (error) {
    const written = await writtenNames(ctx, org, path, error);
    if (!written) throw error;
    return handle(written);
  }
}

/**
 * The exact names of a stack, if they differ from the path only by case. Two stacks cannot differ only by case, so a path in another case
 * is unambiguous; stored data and answers have the exact names. This look-up is made only after a 404, so that it costs nothing for clients
 * that use the exact names.
 * @param error the error of the first attempt
 */
async function writtenNames(
  ctx: RequestContext,
  org: OrganizationRef | undefined,
  path: StackRef | undefined,
  error: unknown,
): Promise<StackRef | undefined> {
  if (!(error instanceof AppError) || error.status !== 404 || isCertain(error) || !org || !path) return undefined;
  const [rows] = await batch(ctx.store, [
    ctx.store.db.select({ projectName: stacks.project, stackName: stacks.name }).from(stacks).where(stackAtAnyCase(org.id, path)),
  ]);
  const [found] = rows;
  return found && (found.projectName !== path.projectName || found.stackName !== path.stackName) ? found : undefined;
}
