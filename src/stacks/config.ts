import { sql } from "drizzle-orm";
import { announce } from "../audit/announce.ts";
import { auditEvent, changedARow, promiseIf, whoIs } from "../audit/record.ts";
import { guard } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { notFound } from "../errors.ts";
import { type StackPath, auditName, pathText, stackAt, stackNotFound } from "./path.ts";
import type { StackConfig } from "./schema.ts";
import { stacks } from "./table.ts";

/** As it is kept and shown: a member that was not said is not there. */
export const configText = ({ environment, secretsProvider, encryptedKey, encryptionSalt }: StackConfig): string =>
  JSON.stringify({
    environment,
    ...(secretsProvider && { secretsProvider }),
    ...(encryptedKey && { encryptedKey }),
    ...(encryptionSalt && { encryptionSalt }),
  });

/** @throws 404 where the client keeps its configuration itself */
export async function getStackConfig(ctx: OrgContext, path: StackPath): Promise<StackConfig> {
  const [, found] = await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now, ctx.org.id),
    ctx.store.db.select({ config: stacks.config }).from(stacks).where(stackAt(ctx.org.id, path)),
  ]);
  if (!found[0]) throw stackNotFound(path);
  if (found[0].config === null) throw notFound(`Configuration of stack '${pathText(path)}'`);
  return JSON.parse(found[0].config) as StackConfig;
}

/** From now on the CLI reads the stack's configuration from that environment, and no longer from a file (cli-protocol §5.7). */
export async function updateStackConfig(ctx: OrgContext, path: StackPath, config: StackConfig): Promise<StackConfig> {
  const text = configText(config);
  await setConfig(ctx, path, text);
  return JSON.parse(text) as StackConfig;
}

export const deleteStackConfig = (ctx: OrgContext, path: StackPath): Promise<void> => setConfig(ctx, path, null);

async function setConfig(ctx: OrgContext, path: StackPath, config: string | null): Promise<void> {
  const done = config === null ? "Gave back to its clients" : "Put into an environment";
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "stack-config-updated",
    description: `${done} the configuration of stack "${pathText(path)}".`,
    stack: auditName(path),
  });
  const [, changed] = await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now, ctx.org.id),
    ctx.store.db
      .update(stacks)
      .set({ config })
      .where(stackAt(ctx.org.id, path))
      .returning({ id: sql<string>`${stacks.id}` }),
    promiseIf(ctx.store, event, changedARow),
  ]);
  if (!changed[0]) throw stackNotFound(path);
  announce(ctx, event);
}
