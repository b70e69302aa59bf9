import { and, eq, sql } from "drizzle-orm";
import { auditEvent, auditIf, changedARow, whoIs } from "../audit/record.ts";
import { guard } from "../auth/guard.ts";
import { batch, isRefused } from "../db/client.ts";
import { currentKeyId } from "../secrets/cipher.ts";
import { type Reencrypted, reencryption } from "../secrets/reencrypt.ts";
import { newStateKey, readChunks, writeObject } from "../stacks/objects.ts";
import { auditName, pathText, stackAt, stackNotFound } from "../stacks/path.ts";
import { stacks } from "../stacks/table.ts";
import { reencrypt } from "../state/reencrypt.ts";
import { insertUpdateRow, overAtOnce } from "./insertUpdateRow.ts";
import { lastConfig } from "./lastConfig.ts";
import { endLostStart } from "./lostStarts.ts";
import type { StackCall, StackContext } from "./context.ts";
import { updates } from "../updates/table.ts";

export interface ReencryptStack extends StackCall {
  updateId: string;
}

/**
 * Re-encrypts the secrets of the newest state with the current master key, as a new version. If no secret uses an older key, nothing is
 * written. Older versions do not change, so they still need their old keys.
 */
export async function reencryptStack(ctx: StackContext, input: ReencryptStack): Promise<Reencrypted & { version: number }> {
  const { env } = ctx;
  const stack = await pin(ctx, input);
  if (stack.stateKey === null) return { version: stack.version, ...reencryption(env, stack.id, false).found };

  const count = reencryption(env, stack.id, false);
  for await (const _ of reencrypt(await readChunks(env.STATE, stack.stateKey), count.replace));
  if (count.found.reencrypted === 0) return { version: stack.version, ...count.found };

  const stateKey = newStateKey();
  try {
    const work = reencryption(env, stack.id, true);
    await writeObject(env.STATE, stateKey, reencrypt(await readChunks(env.STATE, stack.stateKey), work.replace));
    await commit(ctx, input, stack.stateKey, stateKey, work.found);
    return { version: stack.version + 1, ...work.found };
  } catch (error) {
    if (isRefused(error)) await env.STATE.delete(stateKey).catch(() => undefined);
    throw error;
  }
}

async function pin({ store }: StackContext, { actor, now, orgId, path }: ReencryptStack) {
  const [, found] = await batch(store, [
    guard(store, actor, now, orgId),
    store.db.select({ id: stacks.id, stateKey: stacks.stateKey, version: stacks.version }).from(stacks).where(stackAt(orgId, path)),
  ]);
  if (!found[0]) throw stackNotFound(path);
  return found[0];
}

async function commit(ctx: StackContext, input: ReencryptStack, baseKey: string, stateKey: string, found: Reencrypted): Promise<void> {
  const { store } = ctx;
  const { updateId, orgId, path, now, actor } = input;
  const here = and(stackAt(orgId, path), eq(stacks.stateKey, baseKey));
  const secrets = found.reencrypted === 1 ? "1 secret" : `${found.reencrypted} secrets`;
  const message = `Re-encrypted ${secrets} under key ${currentKeyId(ctx.env.ENCRYPTION_KEYS)}`;
  const event = auditEvent(input, orgId, whoIs(actor), {
    event: "stack-reencrypted",
    description: `${message}, in stack "${pathText(path)}" (${updateId}).`,
    stack: auditName(path),
  });
  const lost = endLostStart(store, input);
  const results = await batch(store, [
    guard(store, actor, now, orgId),
    ...lost.statements,
    insertUpdateRow(store, here, {
      ...overAtOnce(actor, now),
      id: updateId,
      kind: "import",
      message,
      config: lastConfig,
      resourceCount: sql`${stacks.resourceCount}`,
      stateKey,
    }),
    auditIf(store, event, changedARow),
    store.db
      .update(stacks)
      .set({ version: sql`${stacks.version} + 1`, stateKey, activeUpdate: updateId, lastUpdateAt: now })
      .where(here),
    store.db.select({ id: updates.id }).from(updates).where(eq(updates.id, updateId)),
  ]);
  const created = results.at(-1) as { id: string }[];
  if (!created[0]) throw stackNotFound(path);
  ctx.relaySoon(lost.event, event);
}
