import { and, eq } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import { auditEvent, auditStatement, whoIs } from "../audit/record.ts";
import { relaySoon } from "../audit/relaySoon.ts";
import { guarded } from "../auth/guard.ts";
import { fromBase64, fromBase64url, toBase64, toBase64url, tryFromBase64 } from "../bytes/base64.ts";
import type { OrgContext } from "../context.ts";
import { reseal } from "../secrets/reseal.ts";
import { keyNameOf } from "../streams/seal.ts";
import { auditStreams } from "../streams/table.ts";
import { purposeOf } from "./provider.ts";
import type { ReencryptedSecrets } from "./openapi.ts";
import { connections } from "./table.ts";

/**
 * Encrypts the secrets that the organization has stored (client secrets of connections, credentials of audit streams) with the current master key. It
 * can be repeated. A secret that somebody sets meanwhile stays as it was set.
 */
export async function reencryptSecrets(ctx: OrgContext): Promise<ReencryptedSecrets> {
  const { db } = ctx.store;
  const [ofConnections, ofStreams] = await guarded(ctx, [
    db.select({ id: connections.id, sealed: connections.clientSecret }).from(connections).where(eq(connections.orgId, ctx.org.id)),
    db.select({ id: auditStreams.id, sealed: auditStreams.credentials }).from(auditStreams).where(eq(auditStreams.orgId, ctx.org.id)),
  ]);
  const done: ReencryptedSecrets = { reencrypted: 0, untouched: 0, unreadable: 0 };
  const updates: BatchItem<"sqlite">[] = [];
  const renew = async (purpose: string, bytes: Uint8Array | undefined): Promise<Uint8Array | undefined> => {
    const result = bytes ? await reseal(ctx.env, purpose, bytes) : "unreadable";
    done[typeof result === "string" ? result : "reencrypted"]++;
    return typeof result === "string" ? undefined : result;
  };
  for (const { id, sealed } of ofConnections) {
    // A connection by SAML has no secret.
    if (sealed === "") continue;
    const next = await renew(purposeOf(id), tryFromBase64(sealed, fromBase64url));
    const isSame = and(eq(connections.id, id), eq(connections.clientSecret, sealed));
    if (next)
      updates.push(
        db
          .update(connections)
          .set({ clientSecret: toBase64url(next) })
          .where(isSame),
      );
  }
  for (const { id, sealed } of ofStreams) {
    const next = await renew(keyNameOf(id), tryFromBase64(sealed, fromBase64));
    const isSame = and(eq(auditStreams.id, id), eq(auditStreams.credentials, sealed));
    if (next)
      updates.push(
        db
          .update(auditStreams)
          .set({ credentials: toBase64(next) })
          .where(isSame),
      );
  }
  const [first, ...others] = updates;
  if (!first) return done;
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "secrets-reencrypted",
    description: `Re-encrypted ${done.reencrypted} ${done.reencrypted === 1 ? "secret" : "secrets"} of connections and audit streams with the current master key.`,
  });
  await guarded(ctx, [first, ...others, auditStatement(ctx.store, event)]);
  relaySoon(ctx, event);
  return done;
}
