import * as z from "zod/mini";
import { cursor, text, queryNumber } from "../http/bounded.ts";
import { maxResults } from "../http/pagination.ts";
import { formats } from "./formats.ts";

const INVALID = "invalid query parameter";
const seconds = z.optional(queryNumber(0, 8_640_000_000_000, INVALID));

/** The CLI sends `eventType` and `user` where the contract has `eventFilter` and `userFilter` (management-api §9.2). */
const filters = {
  startTime: seconds,
  endTime: seconds,
  continuationToken: cursor,
  eventFilter: z.optional(text(1000, INVALID)),
  eventType: z.optional(text(1000, INVALID)),
  userFilter: z.optional(text(1000, INVALID)),
  user: z.optional(text(1000, INVALID)),
  /** The following are ours: id or name of an access token. */
  tokenFilter: z.optional(text(1000, INVALID)),
  /** `project/stack`, with or without the organization. */
  stackFilter: z.optional(text(1000, INVALID)),
  sourceIPFilter: z.optional(text(1000, INVALID)),
  refusalsOnly: z.optional(z.enum(["true", "false"], INVALID)),
  /** Words of the description; `word*` matches all words with that start. */
  textFilter: z.optional(text(500, INVALID)),
};

export const ListQuery = z.object({ ...filters, maxResults, format: z.optional(z.literal("json", INVALID)) });

export const ExportQuery = z.object({
  ...filters,
  /** `jsonl` and `ocsf` are ours. */
  format: z._default(z.enum(Object.keys(formats) as (keyof typeof formats)[], INVALID), "csv"),
});

type Query = z.infer<typeof ListQuery> | z.infer<typeof ExportQuery>;

/** In version 1 `startTime` is an upper bound as well. */
export const versionOne = (orgName: string, q: Query) => ({ ...filterOf(orgName, q), until: ms(earlier(q.startTime, q.endTime)) });

export const versionTwo = (orgName: string, q: Query) => ({ ...filterOf(orgName, q), from: ms(q.startTime), until: ms(q.endTime) });

const filterOf = (orgName: string, q: Query) => ({
  event: q.eventFilter ?? q.eventType,
  user: q.userFilter ?? q.user,
  token: q.tokenFilter,
  stack: q.stackFilter?.startsWith(`${orgName}/`) ? q.stackFilter.slice(orgName.length + 1) : q.stackFilter,
  address: q.sourceIPFilter,
  refused: q.refusalsOnly === "true",
  text: q.textFilter,
  size: "maxResults" in q ? q.maxResults : undefined,
  continuationToken: q.continuationToken,
});

const earlier = (a: number | undefined, b: number | undefined) => (a === undefined || b === undefined ? (a ?? b) : Math.min(a, b));

const ms = (s: number | undefined) => (s === undefined ? undefined : s * 1000);
