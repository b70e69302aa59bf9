import { announce } from "../audit/announce.ts";
import { type AuditEntry, auditEvent, promiseIf, whoIs } from "../audit/record.ts";
import { drains } from "../auth/drain.ts";
import { guard } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { fromBase64, toBase64 } from "../encoding.ts";
import type { Bindings } from "../env.ts";
import { AppError, badRequest } from "../errors.ts";
import { type StackPath, auditName, pathText, stackAt, stackExists, stackNotFound } from "../stacks/path.ts";
import { stacks } from "../stacks/table.ts";
import { decrypt, encrypt } from "./cipher.ts";

/** Plaintexts and ciphertexts are bytes in standard base64 (cli-protocol §5.6). */
export async function encryptValues(ctx: OrgContext, path: StackPath, plaintexts: string[]): Promise<string[]> {
  const bytes = plaintexts.map(bytesOf);
  const { db } = ctx.store;
  const [, found] = await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now, ctx.org.id, drains(ctx.actor.token.id, path)),
    db.select({ id: stacks.id }).from(stacks).where(stackAt(ctx.org.id, path)),
  ]);
  const stack = found[0];
  if (!stack) throw stackNotFound(path);
  return Promise.all(bytes.map(async (plain) => toBase64(await encrypt(ctx.env.ENCRYPTION_KEYS, stack.id, plain))));
}

/**
 * A client tells that it shows secrets, whoever decrypted them: beside `decryptValues` when that was us, and the only trace when it was a
 * provider of its own (passphrase, KMS).
 * @param shown the name of one secret, or of the command that shows them all, as the client says
 */
export async function noteDecryption(ctx: OrgContext, path: StackPath, event: AuditEntry["event"], shown: string): Promise<undefined> {
  // In quotes that it cannot leave, and without what turns a line around: the sentence goes on.
  const said = shown.replaceAll(/\p{Bidi_Control}/gu, "");
  const what = JSON.stringify(said.length > 100 ? `${said.slice(0, 100)}…` : said);
  const record = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event,
    description:
      event === "secret-decrypted"
        ? `A client showed the secret ${what} of stack "${pathText(path)}".`
        : `A client showed secrets of stack "${pathText(path)}" for ${what}.`,
    stack: auditName(path),
  });
  const [, found] = await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now, ctx.org.id),
    ctx.store.db.select({ id: stacks.id }).from(stacks).where(stackAt(ctx.org.id, path)),
    promiseIf(ctx.store, record, stackExists(ctx.org.id, path)),
  ]);
  if (!found[0]) throw stackNotFound(path);
  announce(ctx, record);
  return undefined;
}

/** @returns plaintexts in the order of the ciphertexts. The event is safe before a value leaves. */
export async function decryptValues(
  ctx: OrgContext,
  path: StackPath,
  ciphertexts: string[],
  event: AuditEntry["event"],
): Promise<string[]> {
  const bytes = ciphertexts.map(bytesOf);
  const count = ciphertexts.length === 1 ? "a secret" : `${ciphertexts.length} secrets`;
  const record = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event,
    description: `Decrypted ${count} of stack "${pathText(path)}".`,
    stack: auditName(path),
  });
  const { db } = ctx.store;
  const [, found] = await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now, ctx.org.id),
    db.select({ id: stacks.id }).from(stacks).where(stackAt(ctx.org.id, path)),
    promiseIf(ctx.store, record, stackExists(ctx.org.id, path)),
  ]);
  const stack = found[0];
  if (!stack) throw stackNotFound(path);
  announce(ctx, record);
  return Promise.all(bytes.map(async (sealed) => toBase64(await decrypt(ctx.env.ENCRYPTION_KEYS, stack.id, sealed))));
}

/** Whether a stack's key opens all of these. The values are looked at no further. */
export async function opens(env: Pick<Bindings, "ENCRYPTION_KEYS">, stackId: string, ciphertexts: string[]): Promise<boolean> {
  try {
    for (const text of ciphertexts) await decrypt(env.ENCRYPTION_KEYS, stackId, bytesOf(text));
    return true;
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
}

/** @throws 400 for what is not base64 */
export function bytesOf(value: string): Uint8Array {
  try {
    return fromBase64(value);
  } catch {
    throw badRequest("a value is not valid base64");
  }
}
