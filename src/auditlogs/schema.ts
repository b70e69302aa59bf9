import * as z from "zod/mini";
import { maxResults } from "../http/pagination.ts";
import { formats } from "./formats.ts";

const INVALID = "invalid query parameter";
const seconds = z.optional(z.coerce.number(INVALID).check(z.int(INVALID), z.minimum(0, INVALID), z.maximum(8_640_000_000_000, INVALID)));

/** The CLI sends `eventType` and `user` where the contract says `eventFilter` and `userFilter` (management-api §9.2). */
const filters = {
  startTime: seconds,
  endTime: seconds,
  continuationToken: z.optional(z.string()),
  eventFilter: z.optional(z.string()),
  eventType: z.optional(z.string()),
  userFilter: z.optional(z.string()),
  user: z.optional(z.string()),
  /** Ours, from here on: id or name of an access token. */
  tokenFilter: z.optional(z.string()),
  /** `project/stack`, with or without the organization. */
  stackFilter: z.optional(z.string()),
  sourceIPFilter: z.optional(z.string()),
  refusalsOnly: z.optional(z.enum(["true", "false"], INVALID)),
  /** Words of the description; `word*` for all that begin so. */
  textFilter: z.optional(z.string().check(z.maxLength(500, INVALID))),
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

export const ResponseAuditLogs = z.object({
  auditLogEvents: z.array(
    z.object({
      timestamp: z.int(),
      sourceIP: z.string(),
      event: z.string(),
      description: z.string(),
      user: z.object({ githubLogin: z.string(), name: z.string(), avatarUrl: z.string() }),
      tokenID: z.optional(z.string()),
      tokenName: z.optional(z.string()),
      reqOrgAdmin: z.optional(z.boolean()),
      reqStackAdmin: z.optional(z.boolean()),
      authFailure: z.optional(z.boolean()),
      /** Ours: its id, and its place in the chain; a record that is older than the chain has none until the cron adds it. */
      id: z.string(),
      sequence: z.optional(z.int()),
      /** Ours: `project/stack`, where it is about one. */
      stack: z.optional(z.string()),
    }),
  ),
  continuationToken: z.optional(z.string()),
});

export const EventTypes = z.object({
  eventTypes: z.array(
    z.object({
      event: z.string(),
      displayName: z.string(),
      description: z.string(),
      requiresOrgAdmin: z.boolean(),
      requiresStackAdmin: z.boolean(),
      authenticationFailure: z.boolean(),
    }),
  ),
});

export const Checkpoint = z.object({
  orgId: z.string(),
  day: z.string(),
  seq: z.int(),
  hash: z.string(),
  time: z.string(),
  algorithm: z.literal("Ed25519"),
  keyId: z.string(),
  signature: z.string(),
});
