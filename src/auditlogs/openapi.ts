import * as z from "zod/mini";
import type { Operations } from "../http/openapi.ts";

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
      /** Ours: the record's id, and its sequence number; a record that is older than the chain has none until the cron adds it. */
      id: z.string(),
      sequence: z.optional(z.int()),
      /** Ours: `project/stack`, when the event is about a stack. */
      stack: z.optional(z.string()),
      /** Ours: for a console session, id of the personal token that opened it. */
      openedWith: z.optional(z.string()),
    }),
  ),
  continuationToken: z.optional(z.string()),
});
export type ResponseAuditLogs = z.infer<typeof ResponseAuditLogs>;

const EventTypes = z.object({
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

const VerifyResult = z.object({
  valid: z.boolean(),
  /** Number of records checked in this call, and the last of them. */
  verified: z.int(),
  last: z.optional(z.object({ sequence: z.int(), hash: z.string() })),
  head: z.object({ sequence: z.int(), hash: z.string() }),
  firstBad: z.optional(z.object({ sequence: z.int(), fault: z.string(), description: z.string() })),
  /** Signed checkpoints of the checked records. The log is invalid if a checkpoint is missing or its key is not listed. */
  checkpoints: z.object({
    verified: z.int(),
    unverifiable: z.int(),
    missing: z.int(),
    firstFault: z.optional(z.object({ sequence: z.int(), fault: z.enum(["unverifiable", "missing"]), description: z.string() })),
  }),
  continuationToken: z.optional(z.string()),
});

/** `previousDay` and `previousSeq` are those of the previous checkpoint. */
const Checkpoint = z.object({
  orgId: z.string(),
  day: z.string(),
  seq: z.int(),
  hash: z.string(),
  time: z.string(),
  algorithm: z.literal("Ed25519"),
  keyId: z.string(),
  previousDay: z.optional(z.string()),
  previousSeq: z.optional(z.int()),
  signature: z.string(),
});

const SigningKey = z.object({ keyId: z.string(), algorithm: z.literal("Ed25519"), publicKey: z.string() });

export const auditLogOperations = {
  ListAuditLogEventsHandlerV1: {
    tags: ["Organizations", "AuditLogs"],
    summary: "Lists the log, newest first, with events up to startTime",
    answers: { 200: ResponseAuditLogs },
  },
  ListAuditLogEventsHandlerV2: {
    tags: ["Organizations", "AuditLogs"],
    summary: "Lists the log, newest first, from startTime until before endTime",
    answers: { 200: ResponseAuditLogs },
  },
  ExportAuditLogEventsHandlerV1: {
    tags: ["Organizations", "AuditLogs"],
    summary: "Exports the log as a gzipped file, with events up to startTime",
    answers: { 200: null },
  },
  ExportAuditLogEventsHandlerV2: {
    tags: ["Organizations", "AuditLogs"],
    summary: "Exports the log as a gzipped file, from startTime until before endTime",
    answers: { 200: null },
  },
  ListAuditLogEventTypes: {
    tags: ["Organizations", "AuditLogs"],
    summary: "Lists the event types that are recorded",
    answers: { 200: EventTypes },
  },
  GetAuditLogsReaderKind: {
    tags: ["Organizations", "AuditLogs"],
    summary: "Tells the hosted console that it may offer all filters",
    answers: { 200: z.string() },
  },
  VerifyAuditLogs: {
    tags: ["Organizations", "AuditLogs"],
    summary: "Verifies the hash chain and the signed checkpoints between two records, one page at a time",
    answers: { 200: VerifyResult },
  },
  ListAuditLogCheckpoints: {
    tags: ["Organizations", "AuditLogs"],
    summary: "Lists signed checkpoints of the chain, one for each day, oldest first",
    answers: { 200: z.object({ checkpoints: z.array(Checkpoint), continuationToken: z.optional(z.string()) }) },
  },
  GetAuditLogCheckpoint: {
    tags: ["Organizations", "AuditLogs"],
    summary: "Returns the signed checkpoint of a day (UTC)",
    answers: { 200: Checkpoint },
  },
  ListAuditLogSigningKeys: {
    tags: ["AuditLogs"],
    summary: "Lists the public keys that verify checkpoints",
    answers: { 200: z.object({ keys: z.array(SigningKey) }) },
  },
} satisfies Operations;
