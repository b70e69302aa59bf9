import type { Bindings } from "../env.ts";
import { unavailable } from "../errors.ts";
import { logError } from "../log.ts";

/**
 * A place is one of the databases of a deployment, by its number. Place 1 is the binding `DB`, the directory: it has all people, and every
 * organization of a deployment that has one database. Place n is the optional binding `DB_n`: it has whole organizations with their machine tokens,
 * and no people. Ids and values of tokens name their place, so nothing looks a place up, and an organization never moves (docs/scale.md).
 */
export const DIRECTORY = 1;
/** Maximum number of databases of a deployment: as many places fit into the check digits of a token's value (`newTokenValue`). */
export const MOST_PLACES = 50;

/** The bindings as far as they say which database to use. */
export type AtPlace = Pick<Bindings, "DB" | "place">;

const bindingOf = (place: number) => (place === DIRECTORY ? "DB" : `DB_${place}`);
const databasesOf = (env: AtPlace) => env as unknown as Record<string, D1Database | undefined>;

/** Numbers of the databases that a deployment has bound, the directory first. */
export function placesOf(env: Bindings): number[] {
  const others = Object.keys(env).flatMap((name) => /^DB_(\d{1,2})$/.exec(name)?.[1] ?? []);
  const numbers = others.map(Number).filter((place) => place > DIRECTORY && place <= MOST_PLACES);
  return [DIRECTORY, ...numbers.sort((a, b) => a - b)];
}

/** The bindings for work in one place: every store that is opened from them is of that place. */
export const atPlace = (env: Bindings, place: number): Bindings => (placeIn(env) === place ? env : { ...env, place });

/** The bindings at each place, for work that concerns all organizations. */
export const everyPlace = (env: Bindings): Bindings[] => placesOf(env).map((place) => atPlace(env, place));

export const placeIn = (env: AtPlace): number => env.place ?? DIRECTORY;

/** The parts of a list that belong to organizations of the same place, each with the bindings there. */
export const byPlace = <T extends { orgId: string }>(env: Bindings, all: T[]): [at: Bindings, part: T[]][] =>
  [...Map.groupBy(all, ({ orgId }) => placeOf(orgId))].map(([place, part]) => [atPlace(env, place), part]);

/** The database of the bindings' place. @throws 503 when the deployment has no such database, perhaps no longer */
export function databaseIn(env: AtPlace): D1Database {
  const name = bindingOf(placeIn(env));
  const database = databasesOf(env)[name];
  if (database) return database;
  logError("a database is not bound", name);
  throw unavailable("the organization's database");
}

/** All databases of the bindings, each wrapped. */
export const wrapDatabases = (env: Bindings, wrap: (database: D1Database) => D1Database): Partial<Bindings> =>
  Object.fromEntries(placesOf(env).map((place) => [bindingOf(place), wrap(databasesOf(env)[bindingOf(place)]!)]));

/**
 * A new id of an organization, or of a thing of it whose object finds its database by the id alone. Outside the directory it is a UUID of version 8
 * (RFC 9562), whose first three free digits are the place.
 */
export function newIdAt(place: number): string {
  const id = crypto.randomUUID();
  return place === DIRECTORY ? id : `${id.slice(0, 14)}8${place.toString(16).padStart(3, "0")}${id.slice(18)}`;
}

/** The place of such an id, or of the name of a stack's object, which begins with the id of its organization. */
export const placeOf = (id: string): number => parseInt(/^[0-9a-f]{8}-[0-9a-f]{4}-8([0-9a-f]{3})-/.exec(id)?.[1] ?? "1", 16);
