import { fromBase64, toBase64 } from "../bytes/base64.ts";
import { type Batch, type Credentials, type FaultOf, type HttpsDestination, type Parcel, pageFault, statusFault } from "./destination.ts";

/** Any receiver of lines. A message is signed as Standard Webhooks says. */

const PREFIX = "whsec_";

export const newSigningSecret = (): string => PREFIX + toBase64(crypto.getRandomValues(new Uint8Array(32)));

export async function signedMessage({ url }: HttpsDestination, credentials: Credentials, batch: Batch): Promise<Parcel> {
  const body = batch.lines.join("");
  // The same over all attempts: a receiver can recognise a message that it has already.
  const id = messageId(batch);
  const timestamp = String(Math.floor(batch.at / 1000));
  const contentType = batch.format === "cef" ? "text/plain; charset=utf-8" : "application/x-ndjson";
  return {
    url: url + (credentials.path ?? "/"),
    request: {
      method: "POST",
      headers: {
        "Content-Type": contentType,
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": await signature(credentials.secret, `${id}.${timestamp}.${body}`),
      },
      ...(credentials.authorization !== undefined && { credentials: { Authorization: credentials.authorization } }),
      body,
    },
  };
}

/** The hash of the last record depends on all records before it, so no other batch has this id, not even after the restoration of a backup. */
function messageId({ streamId, records, at }: Batch): string {
  const [first, last] = [records[0]!, records.at(-1)!];
  return first.seq === undefined ? `${streamId}_test_${at}` : `${streamId}_${first.seq}_${last.seq}_${last.hash.slice(0, 12)}`;
}

async function signature(secret: string, content: string): Promise<string> {
  const key = await crypto.subtle.importKey("raw", fromBase64(secret.slice(PREFIX.length)), { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
  ]);
  return `v1,${toBase64(new Uint8Array(await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(content))))}`;
}

export const httpsFault: FaultOf = (answer) => statusFault(answer) ?? pageFault(answer);
