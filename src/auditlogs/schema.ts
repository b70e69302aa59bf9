import * as z from "zod";
import { maxResults } from "../http/pagination.ts";
import { formats } from "./formats.ts";

const INVALID = "invalid query parameter";
const seconds = z.coerce.number(INVALID).int(INVALID).min(0, INVALID).max(8_640_000_000_000, INVALID).optional();

/** The CLI sends `eventType` and `user` where the contract says `eventFilter` and `userFilter` (management-api §9.2). */
const filters = {
  startTime: seconds,
  endTime: seconds,
  continuationToken: z.string().optional(),
  eventFilter: z.string().optional(),
  eventType: z.string().optional(),
  userFilter: z.string().optional(),
  user: z.string().optional(),
  /** Ours, from here on: id or name of an access token. */
  tokenFilter: z.string().optional(),
  /** `project/stack`, with or without the organization. */
  stackFilter: z.string().optional(),
  sourceIPFilter: z.string().optional(),
  refusalsOnly: z.enum(["true", "false"], INVALID).optional(),
  /** Words of the description; `word*` for all that begin so. */
  textFilter: z.string().max(500, INVALID).optional(),
};

export const ListQuery = z.object({ ...filters, maxResults, format: z.literal("json", INVALID).optional() });

export const ExportQuery = z.object({
  ...filters,
  /** `jsonl` and `ocsf` are ours. */
  format: z.enum(Object.keys(formats) as (keyof typeof formats)[], INVALID).default("csv"),
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
      tokenID: z.string().optional(),
      tokenName: z.string().optional(),
      reqOrgAdmin: z.boolean().optional(),
      reqStackAdmin: z.boolean().optional(),
      authFailure: z.boolean().optional(),
      /** Ours: its id, and its place in the chain; a record that is older than the chain has none until the cron adds it. */
      id: z.string(),
      sequence: z.int().optional(),
      /** Ours: `project/stack`, where it is about one. */
      stack: z.string().optional(),
    }),
  ),
  continuationToken: z.string().optional(),
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
