import { isInNetwork } from "../auth/network.ts";
import type { Bindings } from "../env.ts";
import { concat } from "../state/json/json.ts";

/**
 * The only module that calls an address outside of our bindings; `npm run check` forbids it everywhere else. It sends no credential of a
 * caller, follows no redirect, and limits the answer in size and time. It cannot detect a name that resolves to a private address, but a Worker at
 * Cloudflare reaches no private address (docs/security.md).
 */
export interface OutgoingLimits {
  /** Maximum number of bytes of the answer's body. */
  most: number;
  /** Milliseconds until the whole answer must have arrived. */
  within: number;
  /** A longer body is cut, and is no fault. */
  cuts?: true;
}

export interface OutgoingRequest {
  method?: "GET" | "HEAD" | "POST" | "PUT";
  headers?: Record<string, string>;
  /**
   * Headers with a credential that the called service issued, or that an administrator or the operator has stored for this address. Never one
   * of our own callers.
   */
  credentials?: Record<string, string>;
  body?: string | Uint8Array;
  /** Returns a redirect as an answer and not as a fault. The redirect is still not followed. */
  keepsRedirect?: boolean;
  /** Ends the call, which then fails as after the time limit. */
  signal?: AbortSignal;
}

export interface OutgoingAnswer {
  status: number;
  headers: Headers;
  body: Uint8Array;
}

export type OutgoingReason = "address" | "redirect" | "size" | "time" | "network";

/** Why a call got no answer. The message is for the log: it may contain what an administrator has set. */
export class OutgoingFault extends Error {
  readonly reason: OutgoingReason;
  /** The status of an answer that is a redirect. */
  readonly status: number | undefined;

  constructor(reason: OutgoingReason, message: string, status?: number) {
    super(message);
    this.reason = reason;
    this.status = status;
  }
}

/** Networks that are private or reserved. */
const closedNetworks = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/3",
  // All of IPv6 that is not global unicast, and the parts of global unicast that embed an IPv4 address.
  "::/3",
  "4000::/2",
  "8000::/1",
  "2001::/23",
  "2001:db8::/32",
  "2002::/16",
  "3fff::/20",
];
const loopbackNetworks = ["127.0.0.0/8", "::1/128"];
/** Names of the machine itself, of its network, or of the metadata service of a cloud. */
const closedNames = /(^|\.)(localhost|localdomain|local|internal|private|lan|home|corp|intranet|arpa|onion|alt|test|invalid)$/;
/** Headers that would pass on the caller's credentials. */
const credentialHeaders = ["authorization", "cookie", "proxy-authorization"];

/** @param host in lower case, without a dot at its end */
const isLoopback = (host: string): boolean =>
  host === "localhost" || loopbackNetworks.some((network) => isInNetwork(host.replace(/^\[|\]$/g, ""), network));

/**
 * The fault of an address, or undefined.
 * @param loopback whether the address may be on the same machine, also without TLS: only for a local server
 */
export function addressFault(url: URL, loopback: boolean): string | undefined {
  if (url.username !== "" || url.password !== "") return "an address must not have a user or a password";
  // The URL parser has normalized every spelling of an IPv4 address to four numbers.
  const host = url.hostname.toLowerCase().replace(/\.$/, "");
  const address = host.startsWith("[") ? host.slice(1, -1) : host;
  if (loopback && isLoopback(host) && (url.protocol === "http:" || url.protocol === "https:")) return undefined;
  if (url.protocol !== "https:") return "an address must begin with https://";
  if (closedNetworks.some((network) => isInNetwork(address, network))) return "an address must not be in a private or reserved network";
  const isLiteral = host.startsWith("[") || /^\d+(\.\d+){3}$/.test(host);
  // Resolvers disagree about an empty label, such as that of `localhost..`.
  const isPublic = host.includes(".") && !host.split(".").includes("") && !closedNames.test(host);
  if (!isLiteral && !isPublic) return "a host must have a public name";
  return undefined;
}

/**
 * The fault of an address that is this deployment itself, or undefined. The Worker knows its names only from the requests that it gets, and from
 * the settings `PUBLIC_URL` and `OWN_HOSTS`.
 * @param host the host of a request, with its port
 */
export function ownHostFault(
  env: Pick<Bindings, "LOCAL_DEVELOPMENT" | "OWN_HOSTS" | "PUBLIC_URL">,
  url: URL,
  host: string,
): string | undefined {
  const plain = (name: string) => {
    const [, host, port = ""] = /^(.*?)\.?(:\d+)?$/.exec(name.toLowerCase())!;
    return (isLoopback(host!) ? "localhost" : host!) + port;
  };
  // Cloudflare serves a deployment at several ports. On a development server another port is another server.
  const named = isLocal(env) ? plain(url.host) : plain(url.hostname);
  const hosts = env.PUBLIC_URL ? [host, new URL(env.PUBLIC_URL).host] : [host];
  const own = [
    ...hosts.map((name) => (isLocal(env) ? name : name.replace(/:\d+$/, ""))),
    ...(env.OWN_HOSTS ?? "").split(",").map((name) => name.trim()),
  ];
  return own.some((name) => name !== "" && plain(name) === named) ? "an address must not be this service itself" : undefined;
}

/** Whether this is a development server, which may call its own machine. */
export const isLocal = (env: Pick<Bindings, "LOCAL_DEVELOPMENT">): boolean => env.LOCAL_DEVELOPMENT === "true";

/** @throws OutgoingFault, and nothing else */
export async function callOut(
  env: Pick<Bindings, "LOCAL_DEVELOPMENT">,
  address: string,
  limits: OutgoingLimits,
  { method = "GET", headers = {}, credentials = {}, body, keepsRedirect = false, signal }: OutgoingRequest = {},
): Promise<OutgoingAnswer> {
  if (!URL.canParse(address)) throw new OutgoingFault("address", "an address must be a URL");
  const url = new URL(address);
  const fault = addressFault(url, isLocal(env));
  if (fault) throw new OutgoingFault("address", fault);
  const sent = new Headers({ "User-Agent": "stackpass", ...headers });
  if (credentialHeaders.some((name) => sent.has(name))) throw new OutgoingFault("address", "a call must not carry a credential");
  for (const [name, value] of Object.entries(credentials)) sent.set(name, value);

  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), limits.within);
  const end = () => late.abort();
  signal?.addEventListener("abort", end);
  if (signal?.aborted) end();
  try {
    const response = await fetch(url, {
      method,
      headers: sent,
      redirect: "manual",
      signal: late.signal,
      ...(body !== undefined && { body }),
    });
    if (!keepsRedirect && response.status >= 300 && response.status < 400) {
      await response.body?.cancel();
      throw new OutgoingFault("redirect", `the answer ${response.status} is a redirect`, response.status);
    }
    return { status: response.status, headers: response.headers, body: await bodyOf(response, limits, late.signal) };
  } catch (error) {
    if (error instanceof OutgoingFault) throw error;
    if (late.signal.aborted) throw new OutgoingFault("time", `no answer within ${limits.within} ms`);
    throw new OutgoingFault("network", error instanceof Error ? error.message : String(error));
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
  }
}

async function bodyOf(response: Response, { most, cuts }: OutgoingLimits, late: AbortSignal): Promise<Uint8Array> {
  const tooLarge = () => new OutgoingFault("size", `the answer has more than ${most} bytes`);
  const reader = response.body?.getReader() as ReadableStreamDefaultReader<Uint8Array> | undefined;
  if (!reader) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  const expired = new Promise<never>((_, reject) => late.addEventListener("abort", () => reject(new Error("late"))));
  expired.catch(() => undefined);
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), expired]);
      if (done) break;
      length += value.byteLength;
      if (length > most && !cuts) throw tooLarge();
      chunks.push(length > most ? value.subarray(0, value.byteLength - (length - most)) : value);
      if (length > most) {
        await reader.cancel().catch(() => undefined);
        break;
      }
    }
  } catch (error) {
    await reader.cancel().catch(() => undefined);
    throw error;
  }
  return concat(chunks);
}
