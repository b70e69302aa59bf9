import type { StackRef } from "../auth/policy.ts";
import type { OrganizationRef, RequestContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { AppError } from "../errors.ts";
import { stackAtAnyCase } from "./path.ts";
import { stacks } from "./table.ts";

/** Handles a request with the names of its path, and once more with the names as they are written when that answers 404. */
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
 * The names of the stack that a path means, where they differ from the path by case alone. No two stacks differ by it alone, so a
 * look-up ignores case as a creation does; but everything that is stored and answered has the names as they were written. So the
 * path is tried first, and only a 404 asks for the names: a client that writes them right pays nothing.
 * @param error why the path as it is did not do
 */
async function writtenNames(
  ctx: RequestContext,
  org: OrganizationRef | undefined,
  path: StackRef | undefined,
  error: unknown,
): Promise<StackRef | undefined> {
  if (!(error instanceof AppError) || error.status !== 404 || !org || !path) return undefined;
  const [rows] = await batch(ctx.store, [
    ctx.store.db.select({ projectName: stacks.project, stackName: stacks.name }).from(stacks).where(stackAtAnyCase(org.id, path)),
  ]);
  const [found] = rows;
  return found && (found.projectName !== path.projectName || found.stackName !== path.stackName) ? found : undefined;
}
