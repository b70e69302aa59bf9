import * as z from "zod/mini";
import { fromBase64url, toBase64url } from "../bytes/base64.ts";
import { AppError } from "../errors.ts";
import { queryNumber } from "./bounded.ts";

/** Wording of the public contract (management-api §1.2). */
const INVALID = "Invalid continuationToken or maxResults value.";

/**
 * A cursor is the sort key of the last row of a page: base64url, because some clients put it into a URL unescaped
 * (cli-protocol trap 16). The next page begins after that row, so pages stay correct while rows are added and deleted.
 */
export const toCursor = (key: (string | number)[]) => toBase64url(new TextEncoder().encode(JSON.stringify(key)));

/** @throws 400 for a cursor of another list */
export function fromCursor<T extends z.ZodMiniType>(cursor: string | undefined, key: T): z.infer<T> | undefined {
  if (!cursor) return undefined;
  try {
    return key.parse(JSON.parse(new TextDecoder().decode(fromBase64url(cursor))));
  } catch {
    throw new AppError(400, INVALID);
  }
}

/** Rows of one page. They include one row more than requested, which only shows that there is a next page. */
export function page<T>(rows: T[], size: number, keyOf: (row: T) => (string | number)[]) {
  const items = rows.slice(0, size);
  const last = items.at(-1);
  return { items, continuationToken: rows.length > size && last ? toCursor(keyOf(last)) : undefined };
}

export const maxResults = z.optional(queryNumber(1, 1000, INVALID));
