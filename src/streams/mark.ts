import type { ChainRecord } from "../audit/chain.ts";
import type { Bindings } from "../env.ts";
import { firstBatch } from "./batch.ts";
import type { Credentials } from "./destination.ts";
import { markerObject, s3Fault } from "./s3.ts";
import { type Attempt, type Failure, post, sendBatch } from "./send.ts";
import type { auditStreams } from "./table.ts";

export interface Marked extends Pick<typeof auditStreams.$inferSelect, "destination" | "format" | "host"> {
  streamId: string;
  org: { id: string; name: string };
}

/** Something that is no record of the log: it has an event, and no place in the chain. */
export interface Mark {
  id: string;
  at: number;
  event: string;
  description: string;
}

/** Sends a mark, which shows that the destination takes records. A bucket gets the object `.stackpass-check`, other destinations get a record. */
export async function sendMark(env: Bindings, to: Marked, credentials: Credentials, mark: Mark, attempt: Attempt): Promise<Failure> {
  const { streamId, org, destination, format, host } = to;
  const { id, at, event, description } = mark;
  const record = { id, orgId: org.id, at, event, description } as unknown as ChainRecord;
  const { records, lines } = firstBatch([record], format, host);
  if (destination.kind === "s3") return post(env, await markerObject(destination, credentials, lines[0]!), s3Fault, attempt);
  return sendBatch(env, destination, credentials, { streamId, org, host, format, records, lines, at }, attempt);
}
