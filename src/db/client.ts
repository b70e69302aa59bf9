import { type SQL, sql } from "drizzle-orm";
import { type DrizzleD1Database, drizzle } from "drizzle-orm/d1";
import type { BatchItem, BatchResponse } from "drizzle-orm/batch";
import { AppError, unavailable } from "../errors.ts";
import { logError } from "../log.ts";
import type { Bindings } from "../env.ts";
import { type AtPlace, DIRECTORY, atPlace, databaseIn, placeIn } from "./places.ts";
import { MOST_BYTES, isRefusedForSize, tooLargeForD1, withinLimits } from "./limits.ts";

/** The database connection of one request, to one place. */
export interface Store {
  readonly place: number;
  readonly db: DrizzleD1Database;
}

/**
 * Opens a session for all access in the bindings' place, so that read replicas can be turned on without a change of code. Using it throws 503 when
 * the deployment does not have the place's database.
 */
export function openStore(env: AtPlace): Store {
  let db: DrizzleD1Database | undefined;
  return {
    place: placeIn(env),
    // The client is created at the first access, because a request under a lease never needs it.
    get db() {
      return (db ??= drizzle(withinLimits(databaseIn(env).withSession("first-primary")) as unknown as D1Database));
    },
  };
}

/** Continues a request in another place. */
export function enterPlace(ctx: { env: Bindings; store: Store }, place: number): void {
  if (ctx.store.place === place) return;
  ctx.env = atPlace(ctx.env, place);
  ctx.store = openStore(ctx.env);
}

/** The store for what the whole deployment shares, such as its signing keys. */
export const directoryOf = ({ env, store }: { env: Bindings; store: Store }): Store =>
  store.place === DIRECTORY ? store : openStore(atPlace(env, DIRECTORY));

/** A `failUnless` of a batch found that its condition does not hold; nothing of the batch was written. */
export class PreconditionFailed extends Error {}

/**
 * A column that makes the whole batch fail unless the condition holds. SQLite cannot raise an error outside a trigger, but parsing
 * malformed JSON is an error. `batch` converts it into `PreconditionFailed`.
 */
export const failUnless = (condition: SQL) => onlyIf(condition, sql`1`).as("holds");

/** A value in a statement that makes its whole batch fail unless the condition holds, see `failUnless`. */
export const onlyIf = (condition: SQL, value: SQL) => sql<number>`CASE WHEN ${condition} THEN ${value} ELSE json('{') END`;

/** A unique index refused the write; nothing of the batch was written. */
export class UniqueViolation extends Error {}

/** Whether an error proves that nothing was written. A 503 proves nothing, because perhaps only the answer was lost. */
export const isRefused = (error: unknown) =>
  error instanceof PreconditionFailed || error instanceof UniqueViolation || (error instanceof AppError && error.status < 500);

/**
 * Runs statements of Drizzle's query builder in order, in one round trip and one transaction. A join must not select two columns with the
 * same name: D1 would return wrong rows without an error (platform-facts Z-1).
 * @throws PreconditionFailed, UniqueViolation, 413 for data that is too large for the database, or 503 when the database failed
 */
export async function batch<U extends BatchItem<"sqlite">, T extends Readonly<[U, ...U[]]>>(
  store: Store,
  statements: T,
): Promise<BatchResponse<T>> {
  try {
    return await store.db.batch(statements);
  } catch (error) {
    if (error instanceof AppError) throw error;
    const text = messagesOf(error);
    if (text.includes("malformed JSON")) throw new PreconditionFailed();
    if (text.includes("UNIQUE constraint failed")) throw new UniqueViolation();
    if (isRefusedForSize(text)) throw tooLargeForD1("the data that the request would store at once", MOST_BYTES);
    logError("database failed", text);
    throw unavailable("the database");
  }
}

function messagesOf(error: unknown): string {
  let text = "";
  for (let e = error; e instanceof Error; e = e.cause) text += `${e.message}; `;
  return text;
}
