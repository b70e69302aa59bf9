import { eq, sql } from "drizzle-orm";
import { type Store, batch, openStore } from "../db/client.ts";
import { organizationsInBucket } from "../audit/checkpoint.ts";
import { byPlace, everyPlace } from "../db/places.ts";
import type { Bindings } from "../env.ts";
import { organizations } from "../orgs/table.ts";
import { stacks } from "../stacks/table.ts";
import { readCursors, writeCursor } from "./cursor.ts";
import { updates } from "../updates/table.ts";
import { log } from "../log.ts";
import { increment } from "../metrics/increment.ts";

/**
 * Younger objects are kept, because a row may soon name them. The age is more than 30 days, because D1 can be restored to any minute of the
 * last 30 days (docs/operate.md), and the restored database must find all objects that it names. Milliseconds.
 */
export const SAFE_AGE = 31 * 24 * 3600_000;
const NAME = "objects";
/** The row with the databases that an earlier run has asked: an organization of each, by the number of its place. */
const PLACES = "places";

/** SQL: whether a row names the object. Rows are never deleted, not even with their stack, so such an object is kept for good. */
const isNamed = sql`CASE substr(key, 1, instr(key, '/') - 1)
  WHEN 'state' THEN EXISTS (SELECT 1 FROM ${updates} WHERE state_key = key) OR EXISTS (SELECT 1 FROM ${stacks} WHERE state_key = key)
  WHEN 'initial' THEN EXISTS (SELECT 1 FROM ${stacks} WHERE id = owner)
  WHEN 'events' THEN EXISTS (SELECT 1 FROM ${updates} WHERE id = owner)
  WHEN 'configs' THEN EXISTS (SELECT 1 FROM ${updates} WHERE id = owner)
  WHEN 'journals' THEN EXISTS (SELECT 1 FROM ${updates} WHERE id = owner)
  ELSE 1 END`;

/**
 * Deletes objects that no row names. They are left by imports and ends of updates that failed between R2 and D1. Each run reads one page of
 * the bucket, in the order of keys. R2 itself ends unfinished multipart uploads after a week.
 * @param keys number of keys in a page
 * @returns the number of deleted objects
 * @throws if a database is missing or does not answer, or if the bucket is that of another deployment
 */
export async function sweepObjects(env: Bindings, store: Store, now: number, keys = 500): Promise<number> {
  const { [NAME]: startAfter = "", [PLACES]: places = "" } = await readCursors(store, [NAME, PLACES]);
  await requireKnownPlaces(env, store, places);
  const page = await env.STATE.list({ limit: keys, ...(startAfter && { startAfter }) });
  const old = page.objects.filter((object) => object.uploaded.getTime() < now - SAFE_AGE).map(({ key }) => key);
  const orphans = old.length === 0 ? [] : await orphansAmong(env, old);
  if (orphans.length > 0) {
    await requireOwnBucket(env);
    await env.STATE.delete(orphans);
    log("orphaned objects deleted", { count: orphans.length });
    await batch(store, [increment(store, "orphans_deleted", "", orphans.length)]);
  }
  const next = page.truncated ? page.objects.at(-1)!.key : "";
  if (next !== startAfter) await batch(store, [writeCursor(store, NAME, next)]);
  return orphans.length;
}

/**
 * Objects of a database that is not bound any more would look like orphans, and so would those of a database whose place another one has
 * taken. So the directory remembers each place with one of its organizations, which are never deleted.
 * @throws if one of them is missing
 */
async function requireKnownPlaces(env: Bindings, store: Store, remembered: string): Promise<void> {
  const known = JSON.parse(remembered || "{}") as Record<string, string>;
  const found: Record<string, string> = {};
  for (const at of everyPlace(env).slice(1)) {
    const other = openStore(at);
    const { place } = other;
    const was = known[place] ?? "";
    const ids = () => other.db.select({ id: organizations.id }).from(organizations);
    const [same, any] = await batch(other, [ids().where(eq(organizations.id, was)), ids().limit(1)]);
    if (was !== "" && same.length === 0) throw new Error(`no object is deleted: the database of place ${place} is not the same as before`);
    const id = was || any[0]?.id;
    if (id) found[place] = id;
  }
  const missing = Object.keys(known).filter((place) => !(place in found));
  if (missing.length > 0) throw new Error(`no object is deleted: the database of place ${missing[0]} is not bound any more`);
  const text = Object.keys(found).length === 0 ? "" : JSON.stringify(found);
  if (text !== remembered) await batch(store, [writeCursor(store, PLACES, text)]);
}

/**
 * Beside an empty database every object of an older deployment would look like an orphan. Its checkpoints name organizations, which are never
 * deleted. Each place is compared with its own organizations: the directory may be new although another place is not.
 * @throws an error that the cron logs, if the database of a place has none of the place's organizations, or is not bound
 */
async function requireOwnBucket(env: Bindings): Promise<void> {
  const ids = await organizationsInBucket(env);
  for (const [at, part] of byPlace(
    env,
    ids.map((orgId) => ({ orgId })),
  )) {
    const store = openStore(at);
    const isOurs = sql`${organizations.id} IN (SELECT value FROM json_each(${JSON.stringify(part.map(({ orgId }) => orgId))}))`;
    const [ours] = await batch(store, [store.db.select({ id: organizations.id }).from(organizations).where(isOurs).limit(1)]);
    if (ours.length === 0)
      throw new Error(
        `no object is deleted: the checkpoints in the bucket belong to other organizations than those in the database of place ${store.place}`,
      );
  }
}

/** The keys that no row in any place names. @throws if one database does not answer, because it may name any of them */
async function orphansAmong(env: Bindings, keys: string[]): Promise<string[]> {
  let unnamed = keys;
  for (const at of everyPlace(env)) unnamed = await unnamedIn(openStore(at), unnamed);
  return unnamed;
}

async function unnamedIn(store: Store, keys: string[]): Promise<string[]> {
  const listed = sql`(SELECT value AS key, substr(value, instr(value, '/') + 1, 36) AS owner FROM json_each(${JSON.stringify(keys)}))`;
  const [rows] = await batch(store, [
    store.db
      .select({ key: sql<string>`key`.as("key") })
      .from(listed)
      .where(sql`NOT (${isNamed})`),
  ]);
  return rows.map(({ key }) => key);
}
