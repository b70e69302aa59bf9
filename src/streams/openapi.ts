import * as z from "zod/mini";
import type { Operations } from "../http/openapi.ts";
import { streamFormats } from "./destination.ts";

/** The settings of a destination. No answer contains a credential. */
const Destination = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("s3"),
    url: z.string(),
    region: z.string(),
    bucket: z.string(),
    prefix: z.string(),
    pathStyle: z.boolean(),
    /** "" for a stream that signs in with a role. */
    accessKeyId: z.string(),
    roleArn: z.optional(z.string()),
    /** With a role: the address of this deployment in the tokens for it. */
    issuer: z.optional(z.string()),
  }),
  /** The URL without its path, which may be a credential of the receiver. */
  z.object({ kind: z.literal("https"), url: z.string() }),
  z.object({ kind: z.literal("splunk"), url: z.string(), index: z.string() }),
  z.object({ kind: z.literal("datadog"), url: z.string() }),
  z.object({ kind: z.literal("elastic"), url: z.string(), index: z.string() }),
]);

export const Stream = z.object({
  id: z.string(),
  name: z.string(),
  format: z.enum(streamFormats),
  destination: Destination,
  /** Whether a credential is stored. */
  hasSecret: z.boolean(),
  created: z.string(),
  modified: z.string(),
  /** Number of the last record that the destination has confirmed. */
  deliveredThrough: z.int(),
  /** Records that were not delivered yet, and the age of the oldest of them. */
  lag: z.object({ records: z.int(), seconds: z.int() }),
  lastSuccess: z.optional(z.string()),
  /** Failures since the last success, with the reason of the last one. */
  failing: z.optional(z.object({ since: z.string(), failures: z.int(), error: z.string() })),
  nextAttempt: z.optional(z.string()),
  /** `asked`: by an administrator. `failing`: after a day of failures. `revoked`: the credential that set up the stream was revoked. */
  paused: z.optional(z.object({ at: z.string(), reason: z.enum(["asked", "failing", "revoked"]) })),
});
export type Stream = z.infer<typeof Stream>;

/** `secret` verifies the signatures of a stream to an HTTPS address, and is shown once. */
const StreamWithSecret = z.extend(Stream, { secret: z.optional(z.string()) });

/** `message` is empty after a success. */
const ExportResult = z.object({ message: z.string(), timestamp: z.int() });
const ExportConfig = z.object({ s3BucketName: z.string(), s3PathPrefix: z.optional(z.string()), iamRoleArn: z.string() });

const tags = ["Organizations", "AuditLogs"];

export const streamOperations = {
  ListAuditStreams: {
    tags,
    summary: "Lists the streams that send the audit log to other systems, with their health",
    answers: { 200: z.object({ streams: z.array(Stream) }) },
  },
  CreateAuditStream: {
    tags,
    summary: "Adds a stream that sends the audit log to a bucket, an HTTPS address, Splunk, Datadog or Elasticsearch",
    answers: { 200: StreamWithSecret },
  },
  GetAuditStream: { tags, summary: "Returns a stream of the audit log, with its health", answers: { 200: Stream } },
  UpdateAuditStream: {
    tags,
    summary: "Changes a stream; a new host needs the credential again",
    answers: { 200: StreamWithSecret },
  },
  DeleteAuditStream: { tags, summary: "Deletes a stream and its credentials", answers: { 204: null } },
  TestAuditStream: {
    tags,
    summary: "Sends a test to the destination of a stream, and returns whether the destination accepted it",
    answers: { 200: z.object({ delivered: z.boolean(), error: z.optional(z.string()) }) },
  },
  PauseAuditStream: { tags, summary: "Pauses a stream; when it is resumed, it continues where it stopped", answers: { 200: Stream } },
  ResumeAuditStream: { tags, summary: "Resumes a stream where it stopped, at once", answers: { 200: Stream } },
  GetAuditLogExportConfiguration: {
    tags,
    summary: "Returns the export of the audit log to a bucket of AWS",
    answers: { 200: z.object({ enabled: z.boolean(), lastResult: ExportResult, s3Config: ExportConfig }) },
  },
  UpdateAuditLogExportConfiguration: {
    tags,
    summary: "Sets up or changes the export of the audit log to a bucket of AWS, by a role",
    answers: { 204: null },
  },
  DeleteAuditLogExportConfiguration: { tags, summary: "Ends the export of the audit log to a bucket of AWS", answers: { 204: null } },
  TestAuditLogExportConfiguration: {
    tags,
    summary: "Writes a test object into a bucket of AWS, by a role",
    answers: { 200: ExportResult },
  },
  ForceAuditLogExport: { tags, summary: "Exports the audit log again from a time on", answers: { 200: ExportResult } },
  RestartAuditStream: { tags, summary: "Makes a stream send the log again from a record on", answers: { 200: Stream } },
} satisfies Operations;
