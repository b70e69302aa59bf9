import { sql } from "drizzle-orm";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditIf, changedARow, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { badRequest, notFound } from "../errors.ts";
import { requireStack } from "./get.ts";
import { type StackPath, auditName, pathText, stackAt, stackNotFound } from "./path.ts";
import { tellChange } from "./nearby.ts";
import type { StackConfig } from "./schema.ts";
import { stacks } from "./table.ts";

/**
 * The error for each request that would move a stack's configuration into an environment. Afterwards the CLI would read and write the
 * configuration with calls that this service does not have, and no command of the CLI reverts it (cli-protocol §5.7).
 */
export const environmentsUnsupported = () =>
  badRequest(
    "environments (Pulumi ESC) are not supported here: keep the configuration of the stack in its file Pulumi.STACK.yaml. See docs/compatibility.md.",
  );

/** @throws 404 when the configuration is in the stack's file, as usual */
export async function getStackConfig(ctx: OrgContext, path: StackPath): Promise<StackConfig> {
  const [found] = await guarded(ctx, [ctx.store.db.select({ config: stacks.config }).from(stacks).where(stackAt(ctx.org.id, path))]);
  if (!found[0]) throw stackNotFound(path);
  if (found[0].config === null) throw notFound(`Configuration of stack '${pathText(path)}'`);
  return JSON.parse(found[0].config) as StackConfig;
}

/** @throws 404 for an unknown stack, else 400 */
export async function updateStackConfig(ctx: OrgContext, path: StackPath): Promise<never> {
  await requireStack(ctx, path);
  throw environmentsUnsupported();
}

/** Removes a reference that was stored before environments were refused. The CLI then reads the stack's file again. */
export async function deleteStackConfig(ctx: OrgContext, path: StackPath): Promise<void> {
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "stack-config-updated",
    description: `Removed the environment of the configuration of stack "${pathText(path)}".`,
    stack: auditName(path),
  });
  const [changed] = await guarded(ctx, [
    ctx.store.db
      .update(stacks)
      .set({ config: null })
      .where(stackAt(ctx.org.id, path))
      .returning({ id: sql<string>`${stacks.id}` }),
    auditIf(ctx.store, event, changedARow),
  ]);
  if (!changed[0]) throw stackNotFound(path);
  relaySoon(ctx, event);
  await tellChange(ctx, path);
}
