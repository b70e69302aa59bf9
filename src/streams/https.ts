import { standardHeaders } from "../http/standardWebhooks.ts";
import { type Batch, type Credentials, type FaultOf, type HttpsDestination, type Parcel, pageFault, statusFault } from "./destination.ts";

/** Any receiver of lines. A message is signed as Standard Webhooks says. */

export async function signedMessage({ url }: HttpsDestination, credentials: Credentials, batch: Batch): Promise<Parcel> {
  const body = batch.lines.join("");
  // The id is the same in all attempts, so that a receiver recognises a message that it already has.
  const id = messageId(batch);
  const contentType = batch.format === "cef" ? "text/plain; charset=utf-8" : "application/x-ndjson";
  return {
    url: url + (credentials.path ?? "/"),
    request: {
      method: "POST",
      headers: {
        "Content-Type": contentType,
        ...(await standardHeaders(credentials.secret, id, batch.at, body)),
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

export const httpsFault: FaultOf = (answer) => statusFault(answer) ?? pageFault(answer);
