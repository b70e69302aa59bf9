import { relaySoon } from "../audit/relaySoon.ts";
import { type AuditEntry, auditEvent, auditIf, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { type StackPath, auditName, pathText, stackAt, stackExists, stackNotFound } from "../stacks/path.ts";
import { stacks } from "../stacks/table.ts";

/**
 * Records that a client shows secrets. If this service decrypted them, `decryptValues` has recorded that too. If the client used its own
 * provider (passphrase, KMS), this is the only record.
 * @param shown the name of one secret or of the command that shows several, as sent by the client
 */
export async function noteDecryption(ctx: OrgContext, path: StackPath, event: AuditEntry["event"], shown: string): Promise<undefined> {
  // The name is quoted as JSON, without characters that change the direction of text, so that it cannot change the rest of the sentence.
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
  const [found] = await guarded(ctx, [
    ctx.store.db.select({ id: stacks.id }).from(stacks).where(stackAt(ctx.org.id, path)),
    auditIf(ctx.store, record, stackExists(ctx.org.id, path)),
  ]);
  if (!found[0]) throw stackNotFound(path);
  relaySoon(ctx, record);
  return undefined;
}
