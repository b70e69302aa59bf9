import { toHex } from "../bytes/base64.ts";
import type { Bindings } from "../env.ts";
import { type OutgoingReason, OutgoingFault, callOut, ownHostFault } from "../http/outgoing.ts";
import { retryAfter } from "../http/retry.ts";
import { hmac, standardHeaders, utf8 } from "../http/standardWebhooks.ts";
import { bodyOf } from "./formats.ts";
import type { Message } from "./message.ts";
import type { WebhookFormat } from "./table.ts";

/** Milliseconds within which the answer must have arrived, and number of bytes after which its body is cut (identity-facts F-5, W-5). */
const limits = { most: 16 * 1024, within: 10_000, cuts: true } as const;
/** Maximum number of characters of an answer's headers that are kept. */
const MOST_HEADERS = 8000;

/** A webhook as an attempt needs it. */
export interface Target {
  url: string;
  secret: string;
  format: WebhookFormat;
  /** Host of this deployment. */
  host: string;
}

/** The outcome of an attempt, without secrets. */
export interface Attempted {
  at: number;
  payload: string;
  duration: number;
  requestUrl: string;
  requestHeaders: string;
  responseCode: number;
  responseHeaders: string;
  responseBody: string;
  /** Why the message was not delivered, in a sentence. */
  error?: string;
  /** Milliseconds that the destination asks to wait. */
  asked?: number;
  /** The destination answered that it does not exist any more. */
  isGone?: true;
}

/** Sends a message once. Any status from 200 to 299 confirms it; a chat must not answer with a web page. */
export async function attempt(env: Bindings, target: Target, id: string, message: Message, signal: AbortSignal): Promise<Attempted> {
  const at = Date.now();
  const body = bodyOf[target.format](message);
  const headers = await headersOf(target.secret, id, message.kind, at, body);
  const hide = hider(target, headers);
  const told = { at, payload: body, requestUrl: shownUrl(target), requestHeaders: linesOf(Object.entries(headers).map(withoutSignature)) };
  const none = { responseCode: 0, responseHeaders: "", responseBody: "" };
  const url = new URL(target.url);
  if (ownHostFault(env, url, target.host)) return { ...told, ...none, duration: 0, error: sentences.address };
  try {
    const answer = await callOut(env, target.url, limits, { method: "POST", headers, body, signal });
    const error = faultOf(target.format, answer.status, answer.headers.get("Content-Type") ?? "");
    const asked = error === undefined ? undefined : retryAfter(answer.headers.get("Retry-After"), Date.now());
    return {
      ...told,
      duration: Date.now() - at,
      responseCode: answer.status,
      responseHeaders: hide(linesOf([...answer.headers].filter(([name]) => name !== "set-cookie"))).slice(0, MOST_HEADERS),
      responseBody: hide(textOf(answer.body), answer.body.length === limits.most),
      ...(error !== undefined && { error }),
      ...(asked !== undefined && { asked }),
      ...(answer.status === 410 && { isGone: true as const }),
    };
  } catch (error) {
    if (!(error instanceof OutgoingFault)) throw error;
    return { ...told, ...none, responseCode: error.status ?? 0, duration: Date.now() - at, error: sentences[error.reason] };
  }
}

const textOf = (body: Uint8Array) => new TextDecoder().decode(body).replaceAll("\0", "\uFFFD");

/** Pulumi's headers and those of Standard Webhooks (identity-facts W-1 to W-3). */
async function headersOf(secret: string, id: string, kind: string, at: number, body: string): Promise<Record<string, string>> {
  return {
    "Content-Type": "application/json",
    "Pulumi-Webhook-ID": id,
    "Pulumi-Webhook-Kind": kind,
    ...(secret !== "" && { "Pulumi-Webhook-Signature": toHex(await hmac(utf8(secret), body)) }),
    ...(await standardHeaders(secret === "" ? undefined : secret, id, at, body)),
  };
}

/** A reader of deliveries could send a message again with its signature. */
const withoutSignature = ([name, value]: [string, string]): [string, string] => [name, isSignature(name) ? "…" : value];
const isSignature = (name: string) => /signature$/i.test(name);

const linesOf = (headers: [string, string][]) => headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");

/** The host of the address: the rest may be a credential, and more people read deliveries than may change the webhook. */
const shownUrl = ({ url }: Target): string => `${new URL(url).origin}/…`;

/** Shorter parts of an address are no credentials, and an answer may contain them by chance. */
const SHORTEST_PART = 8;

/**
 * Hides what a receiver repeats of the request in its answer: the secret, the signatures, the path and the query, and the parts of both, in the
 * spellings in which frameworks repeat them.
 */
function hider({ url, secret }: Target, headers: Record<string, string>): (text: string, isCut?: boolean) => string {
  const { pathname, search } = new URL(url);
  const values = search.slice(1).split("&");
  const parts = [...pathname.split("/"), ...values.map((value) => value.slice(value.indexOf("=") + 1))];
  const signatures = Object.keys(headers).filter(isSignature);
  const whole = [secret, ...signatures.map((name) => headers[name]!.replace("v1,", "")), pathname.slice(1), search.slice(1)];
  const all = [...whole.filter((text) => text.length >= 4), ...parts.filter((text) => text.length >= SHORTEST_PART)];
  // The longer ones come first, because they contain the others.
  const hidden = [...new Set(all.flatMap(spellings))].toSorted((a, b) => b.length - a.length);
  return (text, isCut = false) => {
    const rest = hidden.reduce((before, one) => before.replaceAll(one, "…"), text);
    // A cut may have left the beginning of one of them.
    return isCut ? hidden.reduce(withoutBegin, rest) : rest;
  };
}

/** The text without its end, if that end is the beginning of the other text. */
function withoutBegin(text: string, other: string): string {
  for (let length = other.length - 1; length >= 4; length--)
    if (text.endsWith(other.slice(0, length))) return text.slice(0, text.length - length);
  return text;
}

/** A text as it is, percent-decoded, in JSON (also with an escaped slash), and in HTML. */
function spellings(text: string): string[] {
  const json = JSON.stringify(text).slice(1, -1);
  const html = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
  return [
    text,
    decoded(text),
    decoded(text.replaceAll("+", " ")),
    encodeURIComponent(text.toWellFormed()),
    json,
    json.replaceAll("/", "\\/"),
    html,
  ];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Why an answer does not confirm a message. Many receivers of the raw format answer 200 with HTML, and chats do not. */
function faultOf(format: WebhookFormat, status: number, contentType: string): string | undefined {
  if (status < 200 || status >= 300) return `The destination answered with status ${status}.`;
  return format !== "raw" && /html/i.test(contentType) ? "The answer is a web page, so it does not come from a chat." : undefined;
}

/** A refused connection, a fault of TLS and a slow server read the same, so that a webhook is no port scanner (identity-facts F-7). */
const unreachable = "The destination could not be reached, or it did not answer in time.";
const sentences: Record<OutgoingReason, string> = {
  network: unreachable,
  time: unreachable,
  size: "The answer of the destination is too long.",
  redirect: "The destination answered with a redirect, which is not followed.",
  address: "The address of the destination is private or reserved, or it is this service itself, so it is not called.",
};
