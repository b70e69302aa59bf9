import { createHash } from "node:crypto";
import { loaded } from "../loaded.ts";
import { type Batch, type Credentials, type FaultOf, type Parcel, type S3Destination, gzip, statusFault } from "./destination.ts";

/**
 * S3-compatible stores. A batch is one object, and a store does not replace an existing object (`If-None-Match`). The name of an object has the
 * hash of its last record, and that hash depends on all records before. So an object of that name has this batch, and a batch that is sent again
 * changes nothing. `PutObject` is the only right that the key needs.
 */

const signatures = loaded(() => import("aws4fetch"));

const contentTypes = { jsonl: "application/x-ndjson", ocsf: "application/x-ndjson", cef: "text/plain; charset=utf-8" };
const endings = { jsonl: "jsonl.gz", ocsf: "ocsf.jsonl.gz", cef: "cef.gz" };

export async function batchObject(to: S3Destination, credentials: Credentials, batch: Batch): Promise<Parcel> {
  const body = await gzip(batch.lines.join(""));
  const headers = { "Content-Type": contentTypes[batch.format], "If-None-Match": "*" };
  return putObject(to, credentials, batchKey(to, batch), headers, body);
}

/** `PREFIX/ORG/YYYY/MM/DD/HH/FIRST-LAST-HASH.jsonl.gz`: the hour is that of the first record's event (UTC). */
export function batchKey(to: S3Destination, { org, records, format }: Pick<Batch, "org" | "records" | "format">): string {
  const [first, last] = [records[0]!, records.at(-1)!];
  const hour = new Date(Number(first["at"])).toISOString().slice(0, 13).replaceAll(/[-T]/g, "/");
  return inPrefix(to, `${org.name}/${hour}/${padded(first.seq)}-${padded(last.seq)}-${last.hash.slice(0, 12)}.${endings[format]}`);
}

export const checkpointObject = (to: S3Destination, credentials: Credentials, orgName: string, day: string, checkpoint: string) =>
  putObject(
    to,
    credentials,
    inPrefix(to, `${orgName}/checkpoints/${day}.json`),
    { "Content-Type": "application/json", "If-None-Match": "*" },
    new TextEncoder().encode(checkpoint),
  );

/** An object without records, which shows that objects can be written. */
export const markerObject = (to: S3Destination, credentials: Credentials, line: string) =>
  putObject(to, credentials, inPrefix(to, ".stackpass-check"), { "Content-Type": "application/json" }, new TextEncoder().encode(line));

/** Pads a number, so that names sort by number. */
const padded = (seq: number) => String(seq).padStart(12, "0");
/** The prefix is stored as it was sent. */
function inPrefix({ prefix }: S3Destination, name: string): string {
  const folder = prefix.replaceAll(/^\/+|\/+$/g, "");
  return folder === "" ? name : `${folder}/${name}`;
}

/** The address of an object, each character of its name encoded once. It is no URL if the bucket cannot be a part of the host. */
export function objectUrl({ url, bucket, pathStyle }: S3Destination, key: string): string {
  const { protocol, host } = new URL(url);
  const path = [...(pathStyle ? [bucket] : []), ...key.split("/")].map(encode).join("/");
  return `${protocol}//${pathStyle ? host : `${bucket}.${host}`}/${path}`;
}

/** RFC 3986: encodes every character that is not unreserved. */
const encode = (part: string) => encodeURIComponent(part).replaceAll(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

async function putObject(
  to: S3Destination,
  { secret, accessKeyId = to.accessKeyId, sessionToken }: Credentials,
  key: string,
  headers: Record<string, string>,
  body: Uint8Array,
): Promise<Parcel> {
  const { AwsV4Signer } = await signatures();
  const signer = new AwsV4Signer({
    method: "PUT",
    url: objectUrl(to, key),
    headers: {
      ...headers,
      // A bucket with Object Lock demands it.
      "Content-MD5": createHash("md5").update(body).digest("base64"),
      "X-Amz-Content-Sha256": createHash("sha256").update(body).digest("hex"),
    },
    body,
    accessKeyId,
    secretAccessKey: secret,
    ...(sessionToken !== undefined && { sessionToken }),
    service: "s3",
    region: to.region,
  });
  const signed = await signer.sign();
  const { authorization, host: _, "x-amz-security-token": session, ...others } = Object.fromEntries(signed.headers as Headers);
  const sent = { Authorization: authorization!, ...(session !== undefined && { "X-Amz-Security-Token": session }) };
  return { url: signed.url.toString(), request: { method: "PUT", headers: others, credentials: sent, body } };
}

export const s3Fault: FaultOf = (answer) => {
  // The object exists already.
  if (answer.status === 412) return undefined;
  const code = /<Code>([A-Za-z.]{1,60})<\/Code>/.exec(new TextDecoder().decode(answer.body))?.[1];
  const fault = statusFault(answer);
  if (fault) return code ? `${fault} The store says ${code}.` : fault;
  return answer.headers.has("ETag") ? undefined : "The answer does not come from an S3 store: it has no ETag.";
};
