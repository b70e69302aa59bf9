import { and, eq, sql } from "drizzle-orm";
import * as z from "zod/mini";
import { guarded } from "../auth/guard.ts";
import { cliVersionOf } from "../cliVersion.ts";
import type { OrgContext } from "../context.ts";
import { signLease } from "../auth/leaseToken.ts";
import { has, lacking } from "../auth/right.ts";
import { peppersOf } from "../auth/secret.ts";
import { notFound } from "../errors.ts";
import { tags } from "../stacks/schema.ts";
import { type StackPath, stackAt, stackNotFound } from "../stacks/path.ts";
import { noteAdmitted } from "../stacks/nearby.ts";
import { stacks } from "../stacks/table.ts";
import { callCoordinator, coordinatorOf, stackCall } from "../coordinator/client.ts";
import { updates } from "./table.ts";

/** The lifetime that the CLI always assumes (cli-protocol §4.5). `LEASE_SECONDS` is for tests of the end of a lease. */
const leaseTime = (setting: string | undefined) => (Number(setting) || 300) * 1000;

export const StartUpdateRequest = z.object({ tags: z.nullish(tags), journalVersion: z.nullish(z.int()) });

/**
 * Starts an update, unless another update is running. Journaling is granted to each client that offers it, except for previews. A caller
 * with only the right to previews can only start a preview; the tags that its client sends are then ignored (docs/decisions/0009).
 */
export async function startUpdate(ctx: OrgContext, path: StackPath, updateId: string, request: z.infer<typeof StartUpdateRequest>) {
  const mayWrite = has(ctx, "stack:write", path);
  if (!mayWrite && !(await isPreview(ctx, path, updateId))) throw await lacking(ctx, "stack:write", path);
  const coordinator = coordinatorOf(ctx, path);
  const answer = await callCoordinator(ctx, coordinator, (stub) =>
    stub.start({
      ...stackCall(ctx, path),
      updateId,
      tags: mayWrite && has(ctx, "stack_tags:update", path) ? (request.tags ?? undefined) : undefined,
      journaling: request.journalVersion === 1,
      cliVersion: cliVersionOf(ctx.userAgent),
      leaseTime: leaseTime(ctx.env.LEASE_SECONDS),
    }),
  );
  noteAdmitted(ctx, path, answer.stackId, true);
  return {
    version: answer.version,
    token: await signLease(peppersOf(ctx.env.TOKEN_PEPPER), { coordinator, updateId, orgName: path.orgName }),
    tokenExpiration: Math.floor(answer.expiresAt / 1000),
    ...(answer.journaling && { journalVersion: 1 }),
  };
}

/** Whether an update of the stack is a preview. @throws 404 for an unknown update */
async function isPreview(ctx: OrgContext, path: StackPath, updateId: string): Promise<boolean> {
  const [found, rows] = await guarded(ctx, [
    ctx.store.db.select({ id: stacks.id }).from(stacks).where(stackAt(ctx.org.id, path)),
    ctx.store.db
      .select({ dryRun: updates.dryRun })
      .from(updates)
      .where(and(eq(updates.id, updateId), sql`${updates.stackId} = (SELECT id FROM ${stacks} WHERE ${stackAt(ctx.org.id, path)})`)),
  ]);
  if (!found[0]) throw stackNotFound(path);
  if (!rows[0]) throw notFound(`Update '${updateId.slice(0, 100)}'`);
  return rows[0].dryRun;
}
