import { relayStoredSoon } from "../audit/relaySoon.ts";
import { type AuditEntry, auditEvent, auditIf, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import type { Bindings } from "../env.ts";
import { AppError } from "../errors.ts";
import { release } from "../bytes/release.ts";
import { type StackPath, auditName, pathText, stackAt, stackExists, stackNotFound } from "../stacks/path.ts";
import { stacks } from "../stacks/table.ts";
import { bytesOf } from "./bytesOf.ts";
import { decrypt } from "./cipher.ts";
import { oneByOne } from "./oneByOne.ts";

/**
 * Decrypts values. The caller's right is checked and the event is stored in one batch, before any value is decrypted.
 * @param part number of this group of values in a large request; each group has its own check and event
 * @returns plaintexts in the order of the ciphertexts
 */
export async function decryptValues(
  ctx: OrgContext,
  path: StackPath,
  ciphertexts: string[],
  event: AuditEntry["event"],
  part?: number,
): Promise<string[]> {
  const bytes = ciphertexts.map(bytesOf);
  const count = ciphertexts.length === 1 ? "a secret" : `${ciphertexts.length} secrets`;
  const record = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event,
    description: `Decrypted ${count} of stack "${pathText(path)}"${part ? `, part ${part} of a large request` : ""}.`,
    stack: auditName(path),
  });
  const { db } = ctx.store;
  const [found] = await guarded(ctx, [
    db.select({ id: stacks.id }).from(stacks).where(stackAt(ctx.org.id, path)),
    auditIf(ctx.store, record, stackExists(ctx.org.id, path)),
  ]);
  const stack = found[0];
  if (!stack) throw stackNotFound(path);
  relayStoredSoon(ctx, record);
  return oneByOne(bytes, (sealed) => decrypt(ctx.env.ENCRYPTION_KEYS, stack.id, sealed));
}

/** Whether all ciphertexts can be decrypted with a stack's key. The plaintexts are discarded. */
export async function opens(env: Pick<Bindings, "ENCRYPTION_KEYS">, stackId: string, ciphertexts: string[]): Promise<boolean> {
  try {
    for (const text of ciphertexts) {
      const sealed = bytesOf(text);
      release(await decrypt(env.ENCRYPTION_KEYS, stackId, sealed));
      release(sealed);
    }
    return true;
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
}
