import { AppError } from "../errors.ts";

/** D1 takes 2,000,000 bytes in a value or a row, 100,000 bytes of SQL and 100 parameters (platform-facts D-2). Ours stay below. */
export const MOST_BYTES = 1_900_000;
const MOST_SQL_BYTES = 100_000;
const MOST_PARAMETERS = 100;

/**
 * The same session, which refuses a statement that D1 would refuse for its size. D1 itself does so with an error that looks like an
 * outage, and the local simulator takes values of any size. The parameters of a statement count together, because they may become one row.
 */
export function withinLimits(session: D1DatabaseSession): D1DatabaseSession {
  const prepare = (query: string) => {
    if (isLonger(query, MOST_SQL_BYTES)) throw tooLargeForD1("a statement", MOST_SQL_BYTES);
    const statement = session.prepare(query);
    const bind = (...values: unknown[]) => {
      if (values.length > MOST_PARAMETERS)
        throw new AppError(413, `Request Entity Too Large: the database takes at most ${MOST_PARAMETERS} values at once`);
      if (sum(values, (text) => 3 * text.length) > MOST_BYTES && sum(values, bytesOf) > MOST_BYTES)
        throw tooLargeForD1("what the request would store at once", MOST_BYTES);
      return statement.bind(...values);
    };
    return { bind } as D1PreparedStatement;
  };
  return { prepare, batch: (statements) => session.batch(statements), getBookmark: () => session.getBookmark() };
}

/** D1's own refusal of a size, where our estimate was too low: a row that grew, or a text that SQL put together. */
export const isRefusedForSize = (message: string): boolean => /SQLITE_TOOBIG|too big|too many SQL variables/.test(message);

export const tooLargeForD1 = (what: string, most: number): AppError =>
  new AppError(413, `Request Entity Too Large: ${what} is larger than the database takes, ${most} bytes`);

const encoder = new TextEncoder();

const bytesOf = (text: string) => encoder.encode(text).length;
const sum = (values: unknown[], size: (text: string) => number) =>
  values.reduce<number>((total, value) => total + (typeof value === "string" ? size(value) : 0), 0);
const isLonger = (text: string, most: number) => 3 * text.length > most && bytesOf(text) > most;
