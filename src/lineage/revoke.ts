import { type SQL, isNull, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import { relaySoon } from "../audit/relaySoon.ts";
import type { AuditEvent } from "../audit/record.ts";
import { forgetIdentities } from "../auth/resolve.ts";
import type { ActorContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { notFound } from "../errors.ts";
import { accessTokens } from "../tokens/table.ts";
import { type EndedRow, type LostRow, afterEnding, endBelow, readEnding } from "./end.ts";
import type { Descent } from "./ending.ts";
import { auditEnding, promisedEnding } from "./events.ts";

interface Revocation {
  id: string;
  /** The noun for the message of the 404. */
  what: "Token" | "Session";
  /** SQL condition that selects the row of `access_tokens` to end, if the caller may end it. */
  one: SQL;
  /** SQL condition that selects this row and the rows of the tokens that it replaced by rotations, see `Reach`. */
  line?: SQL;
  /** The guard of the batch, its first statement. */
  guards: [BatchItem<"sqlite">, ...BatchItem<"sqlite">[]];
  event: AuditEvent;
  /** Organizations whose log gets an event even if nothing in them ends. */
  orgIds: string[];
  /** First sentence of the events, about the root, without a full stop. */
  sentence: SQL;
  more?: string;
  /** Ids of the organizations that the caller administers: only there established members are removed too. */
  adminOf: string[];
  /** Only tokens, members and invitations of this organization end. */
  orgId?: string;
}

/**
 * Ends a credential and everything that descends from it, in one transaction. It can be repeated: it ends the rest, even if the credential
 * has already ended.
 * @returns what ended besides the credential, the newest first
 * @throws 404 when there is no such credential
 */
export async function revokeWithDescendants(ctx: ActorContext, { one, guards, ...asked }: Revocation): Promise<EndedRow[]> {
  const { store } = ctx;
  const descent: Descent = {
    roots: one,
    ...(asked.line !== undefined && { line: asked.line }),
    how: "delete",
    now: ctx.now,
    adminOf: asked.adminOf,
    ...(asked.orgId !== undefined && { orgId: asked.orgId }),
  };
  const rootsEnd = sql`EXISTS (SELECT 1 FROM ${accessTokens} WHERE ${one} AND ${isNull(accessTokens.deletedAt)})`;
  const results = await batch(store, [
    ...guards,
    store.db.select({ hash: accessTokens.hash }).from(accessTokens).where(one),
    ...readEnding(store, descent),
    auditEnding(store, descent, { ...asked, rootsEnd }),
    ...endBelow(store, descent),
  ]);
  const [roots, rows, lost] = results.slice(guards.length) as [{ hash: string }[], EndedRow[], LostRow[]];
  if (!roots[0]) throw notFound(asked.what);
  await forgetIdentities(ctx.env.TOKEN_CACHE, [roots[0].hash]);
  await afterEnding(ctx, rows, lost, { tokenIds: [asked.id] });
  relaySoon(ctx, ...promisedEnding(asked, rows));
  return rows;
}
