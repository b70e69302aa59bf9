import { type SQL, and, gte, lt, sql } from "drizzle-orm";
import type { ChainRecord } from "../audit/chain.ts";
import { auditEvents } from "../audit/table.ts";

/** The filter of the log; a record must match every given part. Bounds in milliseconds: `from` inclusive, `until` exclusive. */
export interface AuditFilter {
  from?: number | undefined;
  until?: number | undefined;
  event?: string | undefined;
  user?: string | undefined;
  /** Id or name of a token. It also finds events of console sessions that the token opened. */
  token?: string | undefined;
  /** `project/stack`. */
  stack?: string | undefined;
  address?: string | undefined;
  /** Only refusals. */
  refused?: boolean | undefined;
  /** Words that the description must contain; `word*` matches all words with that start. */
  text?: string | undefined;
}

/** Columns that contain the id of a token. No row has the same token in both. */
export type TokenColumn = "token_id" | "opened_with";

/**
 * The filter in SQL. SQLite uses the index of the usually most selective column, in the order of the list; the unary plus disables the
 * indexes of the other columns. So a page is never sorted, and a single filter reads only rows that it returns.
 * @param tokenColumn the column that a filter by token compares; a search for words compares both
 */
export function whereFilter(orgId: string, filter: AuditFilter, tokenColumn: TokenColumn = "token_id"): SQL | undefined {
  const token = filter.token && sql`coalesce(${tokenId(orgId, filter.token)}, ${filter.token})`;
  const columns: [SQL, string | SQL | undefined][] = [
    [sql.raw(tokenColumn), filter.text ? undefined : token],
    [sql`source_ip`, filter.address],
    [sql`stack`, filter.stack],
    [sql`user_login`, filter.user],
    [sql`event`, filter.event],
  ];
  let leads = !filter.text;
  const equal = columns.map(([column, value]) => {
    if (!value) return undefined;
    const condition = leads ? sql`${column} = ${value}` : sql`+${column} = ${value}`;
    leads = false;
    return condition;
  });
  // SQLite uses a partial index only for a query that repeats its condition.
  const refused = filter.refused ? (leads ? sql`auth_failure = 1` : sql`+auth_failure = 1`) : undefined;
  return and(
    filter.text ? sql`+org_id = ${orgId}` : sql`org_id = ${orgId}`,
    ...equal,
    filter.text && token ? sql`${token} IN (token_id, opened_with)` : undefined,
    token && tokenColumn === "opened_with" ? sql`opened_with <> ''` : undefined,
    filter.stack ? sql`stack <> ''` : undefined,
    refused,
    filter.from === undefined ? undefined : gte(auditEvents.at, filter.from),
    filter.until === undefined ? undefined : lt(auditEvents.at, filter.until),
  );
}

/** Id of the token with this name, in upper or lower case; null when there is none. */
export const tokenId = (orgId: string, name: string): SQL<string | null> =>
  sql<string | null>`(SELECT id FROM access_tokens WHERE org_id = ${orgId} AND lower(name) = lower(${name}))`;

/**
 * The words of a search, and a word that stands for the organization (the migration's trigger adds it). SQLite reads the index lazily only
 * for exact words.
 */
export const matchText = (orgId: string, text: string) =>
  [`o${orgId.replaceAll("-", "")}`, ...wordsOf(text).map(({ word, begins }) => (begins ? `"${word}"*` : `"${word}"`))].join(" AND ");

/** Splits words as SQLite's tokenizer does: in its older Unicode version the vowels of New Tai Lue and two Vedic signs are not letters. */
const wordsOf = (text: string) =>
  [...text.matchAll(/([[\p{L}\p{N}\p{Co}]--[\u19b0-\u19c0\u19c8\u19c9\u1cf2\u1cf3]]+)(\*?)/gv)].map(([, word, star]) => ({
    word: word ?? "",
    begins: star === "*",
  }));

/** Whether a filter of the log matches a record that was read from the archive. */
export function matches(record: ChainRecord, filter: AuditFilter): boolean {
  const is = (member: string, value: string | undefined) => !value || record[member] === value;
  const at = Number(record["at"]);
  const said = wordsOf(plain(String(record["description"] ?? ""))).map(({ word }) => word);
  return (
    (filter.from === undefined || at >= filter.from) &&
    (filter.until === undefined || at < filter.until) &&
    is("event", filter.event) &&
    is("userLogin", filter.user) &&
    (is("tokenId", filter.token) || is("tokenName", filter.token) || is("openedWith", filter.token)) &&
    is("stack", filter.stack) &&
    is("sourceIp", filter.address) &&
    (!filter.refused || record["authFailure"] === true) &&
    wordsOf(plain(filter.text ?? "")).every(({ word, begins }) => said.some((other) => (begins ? other.startsWith(word) : other === word)))
  );
}

/** Lower case without accents. */
const plain = (text: string) => text.normalize("NFD").replaceAll(/\p{M}/gu, "").toLowerCase();
