import type { Bindings } from "../env.ts";
import { type OutgoingAnswer, type OutgoingReason, OutgoingFault, callOut } from "../http/outgoing.ts";
import { log } from "../log.ts";
import { datadogEntries, datadogFault } from "./datadog.ts";
import type { Batch, Credentials, Destination, FaultOf, Parcel } from "./destination.ts";
import { elasticBulk, elasticFault } from "./elastic.ts";
import { httpsFault, signedMessage } from "./https.ts";
import { retryAfter } from "../http/retry.ts";
import { batchObject, s3Fault } from "./s3.ts";
import { splunkEvents, splunkFault } from "./splunk.ts";

/** Limits of an answer, in bytes and milliseconds. An answer to a thousand records of Elasticsearch is the longest. */
const limits = { most: 256 * 1024, within: 30_000 };

/**
 * Undefined for a confirmed delivery; else why there is none, in a sentence, how many milliseconds the destination asks to wait, and whether it
 * refused the size.
 */
export type Failure = { error: string; asked?: number | undefined; isTooLarge?: boolean } | undefined;

export interface Attempt {
  /** Ends the attempt. */
  signal?: AbortSignal;
  /** Milliseconds until the whole answer must have arrived. */
  within?: number;
}

/** Sends a batch, and waits until the destination has confirmed it. */
export async function sendBatch(
  env: Bindings,
  destination: Destination,
  credentials: Credentials,
  batch: Batch,
  attempt: Attempt = {},
): Promise<Failure> {
  switch (destination.kind) {
    case "s3":
      return post(env, await batchObject(destination, credentials, batch), s3Fault, attempt);
    case "https":
      return post(env, await signedMessage(destination, credentials, batch), httpsFault, attempt);
    case "splunk":
      return post(env, splunkEvents(destination, credentials, batch), splunkFault, attempt);
    case "datadog":
      return post(env, await datadogEntries(destination, credentials, batch), datadogFault, attempt);
    case "elastic":
      return post(env, elasticBulk(destination, credentials, batch), elasticFault(batch.records.length, batch.records[0]?.seq), attempt);
  }
}

/** Makes one call. The answer is read for its confirmation only: nothing else of it is kept or shown. */
export async function post(env: Bindings, parcel: Parcel, faultOf: FaultOf, attempt: Attempt): Promise<Failure> {
  const { answer, failure } = await ask(env, parcel, attempt);
  if (!answer) return failure;
  const error = faultOf(answer);
  return error === undefined ? undefined : failureOf(answer, error);
}

/** The failure of a call that was answered. */
export function failureOf(answer: OutgoingAnswer, error: string): NonNullable<Failure> {
  const asked = retryAfter(answer.headers.get("Retry-After"), Date.now());
  return { error, asked, ...(answer.status === 413 && { isTooLarge: true }) };
}

type Asked = { answer: OutgoingAnswer; failure?: undefined } | { answer?: undefined; failure: NonNullable<Failure> };

/** Makes one call, and returns its answer, or why there is none. */
export async function ask(env: Bindings, { url, request }: Parcel, { signal, within = limits.within }: Attempt): Promise<Asked> {
  try {
    return { answer: await callOut(env, url, { ...limits, within }, { ...request, ...(signal && { signal }) }) };
  } catch (error) {
    if (!(error instanceof OutgoingFault)) throw error;
    if (!signal?.aborted) log("audit stream: no answer", { host: new URL(url).host, reason: error.reason });
    return { failure: { error: sentences[error.reason] } };
  }
}

/** A refused connection, a fault of TLS and a slow server read the same, so that a stream is no port scanner (identity-facts F-7). */
const unreachable = "The destination could not be reached, or it did not answer in time.";
const sentences: Record<OutgoingReason, string> = {
  network: unreachable,
  time: unreachable,
  size: "The answer of the destination is too long.",
  redirect: "The destination answered with a redirect, which is not followed. Check its address, and the region of a bucket.",
  address: "The address of the destination is private or reserved, so it is not called.",
};
