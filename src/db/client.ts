import { type SQL, sql } from "drizzle-orm";
import { type DrizzleD1Database, drizzle } from "drizzle-orm/d1";
import type { BatchItem, BatchResponse } from "drizzle-orm/batch";
import { AppError, unavailable } from "../errors.ts";
import { logError } from "../log.ts";
import { MOST_BYTES, isRefusedForSize, tooLargeForD1, withinLimits } from "./limits.ts";

/** One request's view of the database. */
export interface Store {
  readonly db: DrizzleD1Database;
}

/** Every access goes through a session, so that turning read replicas on is a switch and not a change of code. */
export function openStore(d1: D1Database): Store {
  let db: DrizzleD1Database | undefined;
  return {
    // Made when it is first asked for: under a lease it never is.
    get db() {
      return (db ??= drizzle(withinLimits(d1.withSession("first-primary")) as unknown as D1Database));
    },
  };
}

/** A `failUnless` of a batch found that its condition does not hold; nothing of the batch was written. */
export class PreconditionFailed extends Error {}

/**
 * A column that fails the whole batch unless the condition holds: SQLite has no statement that raises an error outside of a trigger, but text
 * that is no JSON is one. `batch` turns it into `PreconditionFailed`.
 */
export const failUnless = (condition: SQL) => sql<number>`CASE WHEN ${condition} THEN 1 ELSE json('{') END`.as("holds");

/** A unique index refused the write; nothing of the batch was written. */
export class UniqueViolation extends Error {}

/** Refused for certain: nothing of it was written, and nothing ever will be. A 503 may mean that only the answer was lost. */
export const isRefused = (error: unknown) =>
  error instanceof PreconditionFailed || error instanceof UniqueViolation || (error instanceof AppError && error.status < 500);

/**
 * Sends statements as one round trip and one transaction: all or nothing, in order.
 * Statements come from Drizzle's query builder. No joins that select two columns of one name: D1 would return wrong
 * rows without a word (platform-facts Z-1).
 * @throws PreconditionFailed, UniqueViolation, 413 for what is too large for the database, or 503 when the database did not do it
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
    if (isRefusedForSize(text)) throw tooLargeForD1("what the request would store at once", MOST_BYTES);
    logError("database failed", text);
    throw unavailable("the database");
  }
}

function messagesOf(error: unknown): string {
  let text = "";
  for (let e = error; e instanceof Error; e = e.cause) text += `${e.message}; `;
  return text;
}
