import { AppError } from "../errors.ts";

/** Our limits, at or below those of D1: 2,000,000 bytes in a value or a row, 100,000 bytes of SQL, 100 parameters (platform-facts D-2). */
export const MOST_BYTES = 1_900_000;
const MOST_SQL_BYTES = 100_000;
const MOST_PARAMETERS = 100;

/**
 * Wraps a session so that it refuses a statement which is too large for D1. D1's own error looks like an outage, and the local simulator
 * accepts values of any size. The sizes of a statement's parameters are added up, because they may become one row.
 */
export function withinLimits(session: D1DatabaseSession): D1DatabaseSession {
  const prepare = (query: string) => {
    if (isLonger(query, MOST_SQL_BYTES)) throw tooLargeForD1("a statement", MOST_SQL_BYTES);
    const statement = session.prepare(query);
    const bind = (...values: unknown[]) => {
      if (values.length > MOST_PARAMETERS)
        throw new AppError(413, `Request Entity Too Large: the database accepts at most ${MOST_PARAMETERS} values at once`);
      if (sum(values, (text) => 3 * text.length) > MOST_BYTES && sum(values, bytesOf) > MOST_BYTES)
        throw tooLargeForD1("the data that the request would store at once", MOST_BYTES);
      return statement.bind(...values);
    };
    return { bind } as D1PreparedStatement;
  };
  return { prepare, batch: (statements) => session.batch(statements), getBookmark: () => session.getBookmark() };
}

/** Whether D1 refused a size that our estimate allowed: a row that grew, or a text that SQL concatenated. */
export const isRefusedForSize = (message: string): boolean => /SQLITE_TOOBIG|too big|too many SQL variables/.test(message);

export const tooLargeForD1 = (what: string, most: number): AppError =>
  new AppError(413, `Request Entity Too Large: ${what} is larger than the database accepts, ${most} bytes`);

const encoder = new TextEncoder();

const bytesOf = (text: string) => encoder.encode(text).length;
const sum = (values: unknown[], size: (text: string) => number) =>
  values.reduce<number>((total, value) => total + (typeof value === "string" ? size(value) : 0), 0);
const isLonger = (text: string, most: number) => 3 * text.length > most && bytesOf(text) > most;
