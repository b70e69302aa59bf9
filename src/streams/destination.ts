import type { ChainRecord } from "../audit/chain.ts";
import type { OutgoingAnswer, OutgoingRequest } from "../http/outgoing.ts";

/** The formats of a stream. Splunk, Datadog and Elastic take JSON only. */
export const streamFormats = ["jsonl", "ocsf", "cef"] as const;
export type StreamFormat = (typeof streamFormats)[number];

export interface S3Destination {
  kind: "s3";
  /** Address of the store, without the bucket. */
  url: string;
  region: string;
  bucket: string;
  /** Beginning of each object's name, without a slash at its ends. */
  prefix: string;
  /** Whether the bucket is in the path of an address, and not in its host. */
  pathStyle: boolean;
  /** "" for a stream that signs in with a role. */
  accessKeyId: string;
  /** The IAM role that the stream assumes, in place of a key. */
  roleArn?: string;
  /** With a role: the address of this deployment as the issuer of the token for it. */
  issuer?: string;
}

/** A bucket whose objects are written with a role. */
export type RoleDestination = S3Destination & Required<Pick<S3Destination, "roleArn" | "issuer">>;

export const hasRole = (destination: Destination): destination is RoleDestination =>
  destination.kind === "s3" && destination.roleArn !== undefined && destination.issuer !== undefined;

/** Only the origin of its URL: the rest may be a credential of the receiver, so it is encrypted. */
export interface HttpsDestination {
  kind: "https";
  url: string;
}

export interface SplunkDestination {
  kind: "splunk";
  url: string;
  index: string;
}

export interface DatadogDestination {
  kind: "datadog";
  url: string;
}

export interface ElasticDestination {
  kind: "elastic";
  url: string;
  index: string;
}

/** Where a stream sends, without credentials. */
export type Destination = S3Destination | HttpsDestination | SplunkDestination | DatadogDestination | ElasticDestination;

/** The credential that the destination demands, or the secret that proves the origin of a message. */
export interface Credentials {
  /** The secret access key, the secret of the signature, the token or the API key. */
  secret: string;
  /** For `https`: the path and query of the URL, and the value of the header `Authorization`. */
  path?: string;
  authorization?: string;
  /** For a role: the rest of its temporary key, which is stored nowhere. */
  accessKeyId?: string;
  sessionToken?: string;
}

/** Consecutive records that are sent at once. The same records have the same batch. */
export interface Batch {
  streamId: string;
  org: { id: string; name: string };
  /** Name of this deployment. */
  host: string;
  format: StreamFormat;
  records: ChainRecord[];
  /** The records in the format of the stream. */
  lines: string[];
  /** Now, in milliseconds since 1970. */
  at: number;
}

export interface Parcel {
  url: string;
  request: OutgoingRequest;
}

/** Says why an answer does not confirm the delivery, in a sentence; undefined if it does. */
export type FaultOf = (answer: OutgoingAnswer) => string | undefined;

/** The sentence for a status that confirms nothing. */
export function statusFault({ status }: OutgoingAnswer): string | undefined {
  if (status >= 200 && status < 300) return undefined;
  if (status === 401 || status === 403) return `The destination refused the credential (status ${status}).`;
  if (status === 404) return "The destination does not exist (status 404).";
  if (status === 413) return "The destination refused the size of a batch (status 413).";
  if (status === 429) return "The destination asked to send less often (status 429).";
  return `The destination answered with status ${status}.`;
}

/** A page for people, such as the sign-in of a proxy, confirms nothing. */
export function pageFault({ headers }: OutgoingAnswer): string | undefined {
  return /html/i.test(headers.get("Content-Type") ?? "")
    ? "The answer is a web page, so it does not come from a receiver of logs."
    : undefined;
}

/** The answer's JSON; undefined for anything else. */
export function jsonOf({ body }: OutgoingAnswer): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body)) as unknown;
  } catch {
    return undefined;
  }
}

export async function gzip(text: string): Promise<Uint8Array> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
