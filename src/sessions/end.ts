import { and, eq, isNull, sql } from "drizzle-orm";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditIf, whoIs } from "../audit/record.ts";
import { guard, guardMemberships } from "../auth/guard.ts";
import { forgetIdentities } from "../auth/resolve.ts";
import { type PersonContext, acceptedOf } from "../context.ts";
import { batch } from "../db/client.ts";
import { notFound } from "../errors.ts";
import { administeredBy } from "../lineage/below.ts";
import { reportOf } from "../lineage/report.ts";
import { revokeWithDescendants } from "../lineage/revoke.ts";
import { eventsEverywhere } from "../tokens/create.ts";
import { ownedByCaller } from "../tokens/owner.ts";
import { accessTokens } from "../tokens/table.ts";

/** Ends one of the caller's own sessions. It can be repeated. @throws 404 for anything else */
export async function endSession(ctx: PersonContext, id: string): Promise<void> {
  const { store, actor } = ctx;
  const one = ownSession(ctx, id);
  const events = eventsEverywhere(ctx, "user-session-ended", `Ended a console session (${id}).`);
  const open = sql`EXISTS (SELECT 1 FROM ${accessTokens} WHERE ${and(one, isNull(accessTokens.deletedAt))})`;
  const results = await batch(store, [
    guard(store, actor, ctx.now),
    guardMemberships(store, actor),
    ...events.map((event) => auditIf(store, event, open)),
    store.db
      .update(accessTokens)
      .set({ deletedAt: ctx.now })
      .where(and(one, isNull(accessTokens.deletedAt))),
    store.db.select({ hash: accessTokens.hash }).from(accessTokens).where(one),
  ]);
  const [row] = results.at(-1) as { hash: string }[];
  if (!row) throw notFound("Session");
  await forgetIdentities(ctx.env.TOKEN_CACHE, [row.hash]);
  relaySoon(ctx, ...events);
}

/** Ends one of the caller's own sessions, and everything that was created in it. */
export async function revokeSession(ctx: PersonContext, id: string) {
  const { store, actor } = ctx;
  const rows = await revokeWithDescendants(ctx, {
    id,
    what: "Session",
    one: ownSession(ctx, id),
    guards: [guard(store, actor, ctx.now), guardMemberships(store, actor)],
    event: auditEvent(ctx, "", whoIs(actor), { event: "user-session-ended", description: "" }),
    orgIds: acceptedOf(actor).map(({ org }) => org.id),
    adminOf: administeredBy(actor),
    sentence: sql`${`Ended a console session (${id})`}`,
  });
  return reportOf(actor, rows);
}

const ownSession = (ctx: PersonContext, id: string) => and(eq(accessTokens.id, id), ownedByCaller(ctx.actor, "session"))!;
