import { and, eq } from "drizzle-orm";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditIf, changedARow, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { UniqueViolation } from "../db/client.ts";
import { badRequest, conflict } from "../errors.ts";
import { nameIsTaken, requireExports } from "./create.ts";
import { newSigningSecret } from "../http/standardWebhooks.ts";
import type { UpdateStreamRequest } from "./schema.ts";
import { open, seal } from "./seal.ts";
import { type Settings, type Stored, settingsOf } from "./settings.ts";
import { freshStart, nextVersion, noteChange, readStream, thatStream, toStream } from "./stream.ts";
import { auditStreams } from "./table.ts";
import { differences } from "./tell.ts";

/**
 * Changes a stream; a member that is absent stays, and so does the cursor. A destination replaces the stored one as a whole; only absent
 * credentials are kept. The next attempt is made at once.
 * @throws 400, 404, 409 when it was changed at the same time
 */
export async function updateStream(ctx: OrgContext, id: string, request: UpdateStreamRequest, origin: string) {
  requireExports(ctx);
  const before = await readStream(ctx, id);
  const format = request.format ?? before.format;
  const old = { destination: before.destination, credentials: await open(ctx.env, id, before.credentials) };
  const settings = settingsOf(ctx.env, request.destination ?? asSent(old), format, origin, old);
  if (request.newSecret) renew(settings);
  const { destination, credentials, shown } = settings;
  const name = request.name ?? before.name;
  const hasNewCredentials = JSON.stringify(credentials) !== JSON.stringify(old.credentials);
  const changes = [...differences(before, { name, format, destination }), ...(hasNewCredentials ? ["credentials"] : [])];
  if (changes.length === 0) return toStream(before, ctx.now);
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "audit-stream-updated",
    description: `Changed the audit stream "${before.name}" (${id}): ${changes.join("; ")}.`,
  });
  const set = { name, format, destination, host: new URL(origin).hostname, modifiedAt: ctx.now, ...freshStart };
  const isOtherPlace = JSON.stringify(destination) !== JSON.stringify(before.destination) || hasNewCredentials;
  try {
    const [changed] = await guarded(ctx, [
      ctx.store.db
        .update(auditStreams)
        .set({
          ...set,
          version: nextVersion,
          ...(hasNewCredentials && { credentials: await seal(ctx.env, id, credentials) }),
          // The caller that changes where the log goes is responsible for the stream.
          ...(isOtherPlace && { madeWith: ctx.actor.token.id }),
        })
        .where(and(thatStream(ctx, id), eq(auditStreams.version, before.version)))
        .returning({ id: auditStreams.id }),
      auditIf(ctx.store, event, changedARow),
    ]);
    if (!changed[0]) throw conflict("the audit stream was changed at the same time, try again");
  } catch (error) {
    if (error instanceof UniqueViolation) throw nameIsTaken(name);
    throw error;
  }
  relaySoon(ctx, event);
  noteChange(ctx, id);
  return { ...toStream({ ...before, ...set }, ctx.now), ...(shown !== undefined && { secret: shown }) };
}

/** The stored destination as a request that changes nothing. */
const asSent = ({ destination }: Stored) => (destination.kind === "https" ? { kind: destination.kind } : destination);

/** @throws 400 for a stream that does not sign */
function renew(settings: Settings): void {
  if (settings.destination.kind !== "https") throw badRequest("only a stream to an HTTPS address has a secret for signatures");
  settings.shown ??= newSigningSecret();
  settings.credentials.secret = settings.shown;
}
