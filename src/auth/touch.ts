import { and, desc, eq, isNull, lt, lte, notInArray, or, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import { cliVersionOf } from "../cliVersion.ts";
import type { RequestContext } from "../context.ts";
import { type Store, batch, openStore } from "../db/client.ts";
import { accessTokens, tokenOrigins, tokenUsage } from "../tokens/table.ts";
import type { Identity } from "./resolve.ts";

/**
 * What a token was used for, off the request's path and exact to a minute. A first use is written at once; what follows is
 * counted in this isolate and written by one batch for all tokens, at most every 20 seconds. So an isolate writes no more than
 * three of those a minute, and one for each token that it has not seen for a minute. What an isolate that is killed has not
 * written yet is lost: 20 seconds of counts, nothing else.
 */
const RESOLUTION = 60_000;
/** Well within the 30 seconds that work may outlive an answer. Milliseconds. */
const FLUSH_AFTER = 20_000;
/** Addresses, countries and clients that are kept of a token. */
const KEPT_ORIGINS = 10;
const KEPT_DAYS = 400;
const DAY = 86_400_000;
const REMEMBERED = 10_000;

interface Uses {
  requests: number;
  at: number;
  /** When each address, country and client was last seen, by `kind` and value. */
  origins: Map<string, { kind: "address" | "country" | "client"; value: string; at: number }>;
}

/** By token and day. */
const pending = new Map<string, Uses & { tokenId: string; day: number }>();
/** When this isolate last wrote, by token. Only spares writes. */
const written = new Map<string, number>();
let isScheduled = false;

/** Notes a successful use. Refused requests never count. */
export function touch(ctx: RequestContext, identity: Identity): void {
  const { id } = identity.actor.token;
  count(id, ctx);
  const last = Math.max(identity.lastUsedAt ?? 0, written.get(id) ?? 0);
  if (ctx.now - last >= RESOLUTION) ctx.background("last use", (env) => flush(openStore(env.DB), id));
  else if (!isScheduled) {
    isScheduled = true;
    ctx.background("token usage", (env) => flushLater(openStore(env.DB)));
  }
}

function count(tokenId: string, { now, address, country, userAgent }: RequestContext): void {
  const day = Math.floor(now / DAY);
  const key = `${tokenId}/${day}`;
  let uses = pending.get(key);
  if (!uses) pending.set(key, (uses = { tokenId, day, requests: 0, at: now, origins: new Map() }));
  uses.requests++;
  uses.at = Math.max(uses.at, now);
  const seen = { address, country, client: clientOf(userAgent) };
  for (const kind of ["address", "country", "client"] as const) {
    const value = seen[kind];
    if (value !== "") uses.origins.set(`${kind}/${value}`, { kind, value, at: now });
  }
}

/** Name and version, without what differs from command to command. */
const clientOf = (userAgent: string) => cliVersionOf(userAgent).replace(/^v/, "pulumi-cli v") || userAgent.slice(0, 100);

async function flushLater(store: Store): Promise<void> {
  await scheduler.wait(FLUSH_AFTER);
  isScheduled = false;
  await flush(store);
}

/** Writes what is pending, of one token or of all. */
export async function flush(store: Store, only?: string): Promise<void> {
  const uses = [...pending.values()].filter((use) => only === undefined || use.tokenId === only);
  if (uses.length === 0) return;
  for (const use of uses) {
    pending.delete(`${use.tokenId}/${use.day}`);
    if (written.size >= REMEMBERED) written.clear();
    written.set(use.tokenId, use.at);
  }
  const statements = uses.flatMap((use) => statementsOf(store, use));
  await batch(store, statements as [BatchItem<"sqlite">, ...BatchItem<"sqlite">[]]);
}

function statementsOf(
  store: Store,
  { tokenId, day, requests, at, origins }: Uses & { tokenId: string; day: number },
): BatchItem<"sqlite">[] {
  const { db } = store;
  const seen = [...origins.values()];
  const latest = (kind: string) => seen.filter((origin) => origin.kind === kind).at(-1)?.value ?? "";
  const isOurs = sql`EXISTS (SELECT 1 FROM ${accessTokens} WHERE ${eq(accessTokens.id, tokenId)})`;
  return [
    db
      .update(accessTokens)
      .set({
        lastUsedAt: at,
        lastUsedAddress: latest("address"),
        lastUsedCountry: latest("country"),
        lastUsedClient: latest("client"),
      })
      .where(and(eq(accessTokens.id, tokenId), or(isNull(accessTokens.lastUsedAt), lte(accessTokens.lastUsedAt, at)))),
    db
      .insert(tokenUsage)
      .select(sql`SELECT ${tokenId}, ${day}, ${requests} WHERE ${isOurs}`)
      .onConflictDoUpdate({ target: [tokenUsage.tokenId, tokenUsage.day], set: { requests: sql`${tokenUsage.requests} + ${requests}` } }),
    db
      .insert(tokenOrigins)
      .select(
        sql`SELECT ${tokenId}, json_extract(value, '$.kind'), json_extract(value, '$.value'), json_extract(value, '$.at')
          FROM json_each(${JSON.stringify(seen)}) WHERE ${isOurs}`,
      )
      .onConflictDoUpdate({
        target: [tokenOrigins.tokenId, tokenOrigins.kind, tokenOrigins.value],
        set: { lastAt: sql`max(${tokenOrigins.lastAt}, excluded.last_at)` },
      }),
    ...(["address", "country", "client"] as const).map((kind) => {
      const ofKind = and(eq(tokenOrigins.tokenId, tokenId), eq(tokenOrigins.kind, kind));
      const kept = db
        .select({ value: tokenOrigins.value })
        .from(tokenOrigins)
        .where(ofKind)
        .orderBy(desc(tokenOrigins.lastAt))
        .limit(KEPT_ORIGINS);
      return db.delete(tokenOrigins).where(and(ofKind, notInArray(tokenOrigins.value, kept)));
    }),
    db.delete(tokenUsage).where(and(eq(tokenUsage.tokenId, tokenId), lt(tokenUsage.day, day - KEPT_DAYS))),
  ];
}
