import { and, eq, isNull, lt, lte, or, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import { RELAY_AFTER, auditEvent, whoIs } from "../audit/record.ts";
import { relayEvents } from "../audit/relay.ts";
import { auditOutbox } from "../audit/table.ts";
import { cliVersionOf } from "../cliVersion.ts";
import type { Actor, MachineActor, RequestContext } from "../context.ts";
import { type Store, openStore } from "../db/client.ts";
import { placeOf } from "../db/places.ts";
import { isolateCounter } from "../metrics/isolateCounter.ts";
import { accessTokens, originKinds, tokenOrigins, tokenUsage } from "../tokens/table.ts";
import { networkOf } from "./network.ts";
import type { Identity } from "./identity.ts";

/**
 * Records the uses of tokens after the answer, exact to a minute. A first use, also one from another network, is written at once; later uses are counted in this isolate
 * and written in one batch for all tokens. So an isolate writes at most three batches a minute, and one more for each token that it has not
 * seen for a minute.
 */
const RESOLUTION = 60_000;
type Kind = (typeof originKinds)[number];
/** Maximum number of values of each kind that are stored for a token: the latest. */
const KEPT: Record<Kind, number> = { address: 10, client: 10, network: 20, country: 20 };
/** Kinds of origins whose first use by a token is recorded as an event. */
const TOLD = ["network", "country"] as const;
/** Maximum number of characters of an address or a client. */
const MOST_CHARACTERS = 100;
const KEPT_DAYS = 400;
const DAY = 86_400_000;
const MOST_TOKENS = 10_000;

/** Uses of one token on one day. */
interface Uses {
  token: { id: string; hash: string };
  day: number;
  requests: number;
  /** Milliseconds since 1970. */
  at: number;
  /** When and from which address each value was last seen, the latest last. */
  origins: Record<Kind, Map<string, Seen>>;
  /** Who used it, if it is a token of an organization or a team. */
  machine: MachineActor | undefined;
}

interface Seen {
  at: number;
  address: string;
}

/** When this isolate last wrote, by token. It only avoids writes. */
const written = new Map<string, number>();

function noteWritten({ token, at }: Pick<Uses, "token" | "at">): void {
  if (written.size >= MOST_TOKENS) written.clear();
  written.set(token.id, Math.max(at, written.get(token.id) ?? 0));
}

/** The networks and countries from which this isolate has seen a token. */
interface Known {
  /** By name: true if it is in the database. */
  names: Map<string, boolean>;
  /** Writes because of a new name in this minute. */
  writes: number;
  minute: number;
}

/**
 * What is known of tokens, by id. A use from another network is written at once, so that the log has it soon and a terminated isolate does not lose
 * it.
 */
const known = new Map<string, Known>();
/** Not more than the database keeps, because a value that the database has deleted counts as new again. */
const MOST_KNOWN = 20;

const nameOf = (kind: Kind, value: string) => `${kind} ${value}`;

function knownOf(tokenId: string): Known {
  const found = known.get(tokenId);
  if (found) return found;
  if (known.size >= MOST_TOKENS) known.clear();
  const none = { names: new Map<string, boolean>(), writes: 0, minute: 0 };
  known.set(tokenId, none);
  return none;
}

function noteKnown({ names }: Known, name: string, isStored: boolean): void {
  if (names.size >= MOST_KNOWN && !names.has(name)) names.clear();
  names.set(name, isStored || names.get(name) === true);
}

/** Notes where a machine's token is used from. @returns whether the use is to be written at once: at most 20 times in a minute, like the events */
function isFresh(tokenId: string, seen: string[], now: number): boolean {
  const entry = knownOf(tokenId);
  const fresh = seen.filter((name) => !entry.names.has(name));
  for (const name of fresh) noteKnown(entry, name, false);
  const minute = Math.floor(now / RESOLUTION);
  if (entry.minute !== minute) Object.assign(entry, { minute, writes: 0 });
  return fresh.length > 0 && ++entry.writes <= MOST_KNOWN;
}

/** Ids of events that were written and are not on their way yet, by place. If they are lost here, the cron finds them. */
const promised = new Map<number, string[]>();

const uses = isolateCounter<Uses>("token usage", {
  merge,
  statements: (store, _, counted) => statementsOf(store, counted),
  written: (value, results) => {
    noteWritten(value);
    if (value.machine)
      for (const kind of TOLD) for (const name of value.origins[kind].keys()) noteKnown(knownOf(value.token.id), nameOf(kind, name), true);
    const place = placeOf(value.machine?.org.id ?? "");
    const ids = results.flat().flatMap((row) => (isPromise(row) ? row.promised : []));
    if (ids.length > 0) promised.set(place, [...(promised.get(place) ?? []), ...ids]);
  },
});

const isPromise = (row: unknown): row is { promised: string } => typeof row === "object" && row !== null && "promised" in row;

/** Counts a successful use. Refused requests are not counted. */
export function touch(ctx: RequestContext, identity: Identity): void {
  const { id, hash } = identity.actor.token;
  const day = Math.floor(ctx.now / DAY);
  const { address, country } = ctx;
  const seen = { address, country, client: clientOf(ctx.userAgent), network: networkOf(address) };
  const origins = (kind: Kind) =>
    new Map(seen[kind] === "" ? [] : [[seen[kind].slice(0, MOST_CHARACTERS), { at: ctx.now, address: address.slice(0, MOST_CHARACTERS) }]]);
  const machine = machineOf(identity.actor);
  uses.count(ctx, `${id}/${day}`, {
    token: { id, hash },
    day,
    requests: 1,
    at: ctx.now,
    origins: { address: origins("address"), country: origins("country"), client: origins("client"), network: origins("network") },
    machine,
  });
  const told = machine ? TOLD.filter((kind) => seen[kind] !== "").map((kind) => nameOf(kind, seen[kind])) : [];
  const isNew = told.length > 0 && isFresh(id, told, ctx.now);
  const last = Math.max(identity.lastUsedAt ?? 0, written.get(id) ?? 0);
  if (ctx.now - last < RESOLUTION && !isNew) return;
  // Several requests at the same moment need only one write.
  noteWritten({ token: { id, hash }, at: ctx.now });
  ctx.background("last use", async (env) => {
    const store = openStore(env);
    await flush(store, id);
    const ids = promised.get(store.place) ?? [];
    promised.delete(store.place);
    if (ids.length > 0) await relayEvents(env, ids);
  });
}

const machineOf = (actor: Actor) => (actor.kind === "user" ? undefined : actor);

/** Keeps only as many values as are stored for a token, so that the statement's parameters have a bound even if clients send many names. */
function merge(one: Uses, other: Uses): Uses {
  for (const kind of originKinds) {
    const origins = one.origins[kind];
    for (const [value, seen] of other.origins[kind]) {
      origins.delete(value);
      origins.set(value, seen);
      if (origins.size > KEPT[kind]) origins.delete(origins.keys().next().value!);
    }
  }
  return { ...one, requests: one.requests + other.requests, at: Math.max(one.at, other.at) };
}

/** Name and version of the client, without the parts that differ between commands. */
const clientOf = (userAgent: string) => cliVersionOf(userAgent).replace(/^v/, "pulumi-cli v") || userAgent;

/** Writes the counted uses, of one token or of all. */
export const flush = (store: Store, only?: string): Promise<void> =>
  uses.flush(store, (key) => only === undefined || key.startsWith(`${only}/`));

function statementsOf(store: Store, counted: Uses): BatchItem<"sqlite">[] {
  const { db } = store;
  const { token, day, requests, at, origins } = counted;
  const tokenId = token.id;
  const seen = originKinds.flatMap((kind) => [...origins[kind]].map(([value, last]) => ({ kind, value, at: last.at })));
  const latest = (kind: Kind) => [...origins[kind].keys()].at(-1) ?? "";
  // The row of the token that was used.
  const one = and(eq(accessTokens.id, tokenId), eq(accessTokens.hash, token.hash));
  const isOurs = sql`EXISTS (SELECT 1 FROM ${accessTokens} WHERE ${one})`;
  return [
    ...firstUses(store, counted),
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
        sql`SELECT ${tokenId}, json_extract(value, '$.kind'), json_extract(value, '$.value'), json_extract(value, '$.at'),
          json_extract(value, '$.at') FROM json_each(${JSON.stringify(seen)}) WHERE ${isOurs}`,
      )
      .onConflictDoUpdate({
        target: [tokenOrigins.tokenId, tokenOrigins.kind, tokenOrigins.value],
        set: { lastAt: sql`max(${tokenOrigins.lastAt}, excluded.last_at)` },
      }),
    db.delete(tokenOrigins).where(
      and(
        eq(tokenOrigins.tokenId, tokenId),
        sql`(kind, value) IN (SELECT kind, value FROM (SELECT kind, value, row_number() OVER (PARTITION BY kind ORDER BY last_at DESC) AS place
          FROM token_origins WHERE token_id = ${tokenId}) WHERE place > json_extract(${JSON.stringify(KEPT)}, '$.' || kind))`,
      ),
    ),
    db.delete(tokenUsage).where(and(eq(tokenUsage.tokenId, tokenId), lt(tokenUsage.day, day - KEPT_DAYS))),
  ];
}

/**
 * The statement that records the first use of a token from a network or a country. It comes before the statement that stores them, in the same
 * transaction, so an event is neither lost nor doubled. No event: the first use of the token at all, a network that the token before its rotation
 * was used from, and more networks on one day than are stored, because such a token is used from everywhere.
 */
function firstUses(store: Store, { token, origins, machine }: Uses): BatchItem<"sqlite">[] {
  if (!machine) return [];
  const candidates = TOLD.flatMap((kind) =>
    [...origins[kind]].flatMap(([value, { at, address }], i) => {
      // The code of a country that Cloudflare does not know.
      if (known.get(token.id)?.names.get(nameOf(kind, value)) === true || value === "XX") return [];
      const event = auditEvent({ now: at, address }, machine.org.id, whoIs(machine), {
        event: `token-used-from-new-${kind}`,
        description: `Used the ${machine.kind} token "${machine.token.name}" (${token.id}) from the ${kind} ${value} for the first time.`,
      });
      return [{ kind, value, at, id: event.id, body: JSON.stringify(event), isFirst: i === 0 }];
    }),
  );
  if (candidates.length === 0) return [];
  const member = (name: string) => sql`json_extract(seen.value, ${`$.${name}`})`;
  const ofToken = sql`origins.kind = ${member("kind")} AND (origins.token_id = ${token.id}
    OR origins.token_id = (SELECT rotated_from FROM access_tokens WHERE id = ${token.id}))`;
  const isOurs = sql`EXISTS (SELECT 1 FROM access_tokens WHERE id = ${token.id} AND hash = ${token.hash})`;
  return [
    store.db
      .insert(auditOutbox)
      .select(
        sql`SELECT NULL, ${member("id")}, ${member("body")}, ${member("at")}, ${member("at")} + ${RELAY_AFTER}
          FROM json_each(${JSON.stringify(candidates)}) AS seen WHERE ${isOurs}
          AND NOT EXISTS (SELECT 1 FROM token_origins AS origins WHERE ${ofToken} AND origins.value = ${member("value")})
          AND (NOT ${member("isFirst")} OR EXISTS (SELECT 1 FROM token_origins AS origins WHERE ${ofToken}))
          AND (SELECT count(*) FROM token_origins AS origins WHERE ${ofToken} AND origins.first_at > ${member("at")} - ${DAY})
            < json_extract(${JSON.stringify(KEPT)}, '$.' || ${member("kind")})`,
      )
      .returning({ promised: auditOutbox.id }),
  ];
}
