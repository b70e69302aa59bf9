import * as z from "zod/mini";
import { queryNumber, text } from "../http/bounded.ts";
import { streamFormats } from "./destination.ts";

const name = text(100, "a stream name must have 1 to 100 characters").check(
  z.minLength(1, "a stream name must have 1 to 100 characters"),
  z.refine((value) => !/\p{Cc}/u.test(value) && value.isWellFormed(), "a stream name must not have control characters"),
);
const url = text(1000);
/** A credential becomes a header, so it has neither spaces nor line breaks. */
const credential = text(1000).check(z.regex(/^[\x21-\x7e]{1,1000}$/, "a credential must have ASCII characters only, and no spaces"));
const authorization = text(2000).check(
  z.regex(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/, "authorization must be the value of a header, in ASCII characters"),
);
const indexName = text(255).check(z.regex(/^[a-z0-9_][a-z0-9_.-]*$/, "an index must have only lower-case letters, digits, _, . and -"));

const bucket = text(63).check(z.regex(/^[a-z0-9][a-z0-9.-]+[a-z0-9]$/, "a bucket must have 3 to 63 lower-case letters, digits, . and -"));
const prefix = text(300).check(
  z.refine(
    (value) => !/\p{Cc}/u.test(value) && value.isWellFormed() && !value.split("/").some((part) => part === "." || part === ".."),
    "a prefix must not have control characters or the parts . and ..",
  ),
);
/** Stores other than AWS leave the account out. */
const roleArn = text(700).check(
  z.regex(/^arn:[a-z-]{1,30}:iam::\d{0,12}:role\/[\w+=,.@/-]{1,600}$/, "a role must be like arn:aws:iam::111122223333:role/NAME"),
);

const S3 = z.object({
  kind: z.literal("s3"),
  url,
  region: text(50).check(z.regex(/^[a-z0-9-]+$/, "a region must have only lower-case letters, digits and -")),
  bucket,
  prefix: z.optional(prefix),
  pathStyle: z.optional(z.boolean()),
  /** Either a key or a role. */
  accessKeyId: z.optional(text(200).check(z.regex(/^[\w.+=@-]*$/, "accessKeyId must have only letters, digits and _ . + = @ -"))),
  secretAccessKey: z.optional(credential),
  roleArn: z.optional(roleArn),
});

/** A bucket of the public contract's export. The organization's role writes it. */
export const ExportS3Config = z.object({ s3BucketName: bucket, s3PathPrefix: z.optional(prefix), iamRoleArn: roleArn });
export type ExportS3Config = z.infer<typeof ExportS3Config>;

export const UpdateExportConfigRequest = z.object({ newEnabled: z.boolean(), newS3Configuration: ExportS3Config });
export type UpdateExportConfigRequest = z.infer<typeof UpdateExportConfigRequest>;

/** Seconds since 1970. */
export const ForceExportQuery = z.object({ timestamp: z.optional(queryNumber(0, 8_640_000_000_000)) });

const Https = z.object({ kind: z.literal("https"), url: z.optional(url), authorization: z.nullish(authorization) });

const Splunk = z.object({ kind: z.literal("splunk"), url, index: z.optional(indexName), token: z.optional(credential) });

const Datadog = z.object({ kind: z.literal("datadog"), url, apiKey: z.optional(credential) });

const Elastic = z.object({ kind: z.literal("elastic"), url, index: indexName, apiKey: z.optional(credential) });

/** A destination with its credentials. A change may leave the credentials out. */
export const SentDestination = z.discriminatedUnion("kind", [S3, Https, Splunk, Datadog, Elastic]);
export type SentDestination = z.infer<typeof SentDestination>;

const record = z.int("a record must be a whole number from 1").check(z.minimum(1, "a record must be a whole number from 1"));

export const CreateStreamRequest = z.object({
  name,
  format: z._default(z.enum(streamFormats), "jsonl"),
  /** The first record to send; by default the first of the log. */
  from: z._default(z.union([record, z.literal("now")], "from must be the number of a record, or now"), 1),
  destination: SentDestination,
});
export type CreateStreamRequest = z.infer<typeof CreateStreamRequest>;

export const UpdateStreamRequest = z.object({
  name: z.optional(name),
  format: z.optional(z.enum(streamFormats)),
  destination: z.optional(SentDestination),
  /** Makes a new secret for the signatures of a stream to an HTTPS address. */
  newSecret: z.optional(z.boolean()),
});
export type UpdateStreamRequest = z.infer<typeof UpdateStreamRequest>;

export const RestartStreamRequest = z.object({ from: record });
