import { and, desc, eq, isNull, lt, lte, notInArray, or, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import { cliVersionOf } from "../cliVersion.ts";
import type { RequestContext } from "../context.ts";
import { type Store, openStore } from "../db/client.ts";
import { isolateCounter } from "../metrics/isolateCounter.ts";
import { accessTokens, tokenOrigins, tokenUsage } from "../tokens/table.ts";
import type { Identity } from "./resolve.ts";

/**
 * Records the uses of tokens after the answer, exact to a minute. A first use is written at once; later uses are counted in this isolate
 * and written in one batch for all tokens. So an isolate writes at most three batches a minute, and one more for each token that it has not
 * seen for a minute.
 */
const RESOLUTION = 60_000;
/** Maximum number of addresses, countries and clients that are stored for a token. */
const KEPT_ORIGINS = 10;
/** Maximum number of characters of an address or a client. */
const MOST_CHARACTERS = 100;
const KEPT_DAYS = 400;
const DAY = 86_400_000;
const MOST_TOKENS = 10_000;

const kinds = ["address", "country", "client"] as const;
type Kind = (typeof kinds)[number];

/** Uses of one token on one day. */
interface Uses {
  token: { id: string; hash: string };
  day: number;
  requests: number;
  /** Milliseconds since 1970. */
  at: number;
  /** When each value was last seen, the latest last. */
  origins: Record<Kind, Map<string, number>>;
}

/** When this isolate last wrote, by token. It only avoids writes. */
const written = new Map<string, number>();

function noteWritten({ token, at }: Pick<Uses, "token" | "at">): void {
  if (written.size >= MOST_TOKENS) written.clear();
  written.set(token.id, Math.max(at, written.get(token.id) ?? 0));
}

const uses = isolateCounter<Uses>("token usage", {
  merge,
  statements: (store, _, counted) => statementsOf(store, counted),
  written: noteWritten,
});

/** Counts a successful use. Refused requests are not counted. */
export function touch(ctx: RequestContext, identity: Identity): void {
  const { id, hash } = identity.actor.token;
  const day = Math.floor(ctx.now / DAY);
  const seen = { address: ctx.address, country: ctx.country, client: clientOf(ctx.userAgent) };
  const origins = (kind: Kind) => new Map(seen[kind] === "" ? [] : [[seen[kind].slice(0, MOST_CHARACTERS), ctx.now]]);
  uses.count(ctx, `${id}/${day}`, {
    token: { id, hash },
    day,
    requests: 1,
    at: ctx.now,
    origins: { address: origins("address"), country: origins("country"), client: origins("client") },
  });
  const last = Math.max(identity.lastUsedAt ?? 0, written.get(id) ?? 0);
  if (ctx.now - last < RESOLUTION) return;
  // Several requests at the same moment need only one write.
  noteWritten({ token: { id, hash }, at: ctx.now });
  ctx.background("last use", (env) => flush(openStore(env.DB), id));
}

/** Keeps only as many values as are stored for a token, so that the statement's parameters have a bound even if clients send many names. */
function merge(one: Uses, other: Uses): Uses {
  for (const kind of kinds) {
    const origins = one.origins[kind];
    for (const [value, at] of other.origins[kind]) {
      origins.delete(value);
      origins.set(value, at);
      if (origins.size > KEPT_ORIGINS) origins.delete(origins.keys().next().value!);
    }
  }
  return { ...one, requests: one.requests + other.requests, at: Math.max(one.at, other.at) };
}

/** Name and version of the client, without the parts that differ between commands. */
const clientOf = (userAgent: string) => cliVersionOf(userAgent).replace(/^v/, "pulumi-cli v") || userAgent;

/** Writes the counted uses, of one token or of all. */
export const flush = (store: Store, only?: string): Promise<void> =>
  uses.flush(store, (key) => only === undefined || key.startsWith(`${only}/`));

function statementsOf(store: Store, { token, day, requests, at, origins }: Uses): BatchItem<"sqlite">[] {
  const { db } = store;
  const tokenId = token.id;
  const seen = kinds.flatMap((kind) => [...origins[kind]].map(([value, last]) => ({ kind, value, at: last })));
  const latest = (kind: Kind) => [...origins[kind].keys()].at(-1) ?? "";
  // The row of the token that was used.
  const one = and(eq(accessTokens.id, tokenId), eq(accessTokens.hash, token.hash));
  const isOurs = sql`EXISTS (SELECT 1 FROM ${accessTokens} WHERE ${one})`;
  return [
    db
      .update(accessTokens)
      .set({
        lastUsedAt: at,
        lastUsedAddress: latest("address"),
        lastUsedCountry: latest("country"),
        lastUsedClient: latest("client"),
      })
      .where(and(one, or(isNull(accessTokens.lastUsedAt), lte(accessTokens.lastUsedAt, at)))),
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
    ...kinds.map((kind) => {
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
