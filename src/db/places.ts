import type { Bindings } from "../env.ts";
import { unavailable } from "../errors.ts";
import { logError } from "../log.ts";
import { DIRECTORY, MOST_PLACES, newIdAt, placeOf } from "./placeIds.ts";

export { DIRECTORY, MOST_PLACES, newIdAt, placeOf };

/** The bindings that say which database to use. */
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

/** Whether a binding with this name is the database of a place. */
export const isDatabase = (name: string): boolean => /^DB(?:_\d{1,2})?$/.test(name);
