import type { RequestContext } from "../context.ts";
import { badRequest } from "../errors.ts";
import { OutgoingFault, callOut } from "../http/outgoing.ts";
import { log } from "../log.ts";
import { keysIn } from "./keys.ts";
import type { PublicKey } from "./table.ts";

/** Limits of a document of an issuer, in bytes and milliseconds. */
const limits = { most: 64 * 1024, within: 5000 };

export interface Discovered {
  jwksUri: string;
  keys: PublicKey[];
}

type Context = Pick<RequestContext, "env" | "requestId">;

/**
 * Reads the discovery document and the keys of an issuer. It follows no redirect, and reads no private address (`callOut`).
 * @throws 400 with what is wrong. A server that cannot be reached and one that is slow get the same answer, so that the call is no port scanner.
 */
export async function discover(ctx: Context, url: string): Promise<Discovered> {
  const { jwks_uri: jwksUri } = await readDiscovery(ctx, url);
  if (typeof jwksUri !== "string" || jwksUri.length > 1000) throw badRequest("the discovery document has no valid jwks_uri");
  return { jwksUri, keys: await readKeys(ctx, jwksUri) };
}

/** Reads the discovery document of an issuer. @throws 400, also for the document of another issuer */
export async function readDiscovery(ctx: Context, url: string): Promise<Record<string, unknown>> {
  const document = await read(ctx, `${url.replace(/\/$/, "")}/.well-known/openid-configuration`, "discovery document");
  const { issuer } = document;
  if (issuer !== url)
    throw badRequest(
      `the discovery document is that of another issuer: ${typeof issuer === "string" ? issuer.slice(0, 200) : "none"}. The URL must be equal to it, including the last slash`,
    );
  return document;
}

/** @throws 400 */
export async function readKeys(ctx: Context, jwksUri: string): Promise<PublicKey[]> {
  const keys = keysIn(await read(ctx, jwksUri, "key set"));
  if (!keys) throw badRequest("the key set of the issuer has no key that can be used, or too many keys");
  return keys;
}

async function read(ctx: Context, address: string, what: string): Promise<Record<string, unknown>> {
  const fail = (why: string, detail = why) => {
    log("identity provider failed", { requestId: ctx.requestId, what, detail });
    return badRequest(`the ${what} of the issuer ${why}`);
  };
  let answer;
  try {
    answer = await callOut(ctx.env, address, limits, { headers: { Accept: "application/json" } });
  } catch (error) {
    if (!(error instanceof OutgoingFault)) throw error;
    const why = {
      address: `is not read: ${error.message}`,
      redirect: "is not where it should be: the answer is a redirect",
      size: "is too large",
    };
    throw fail(error.reason in why ? why[error.reason as keyof typeof why] : "cannot be read", `${error.reason}: ${error.message}`);
  }
  if (answer.status !== 200) throw fail("cannot be read", `the status is ${answer.status}`);
  const document = parsed(answer.body);
  if (!document) throw fail("is not valid JSON");
  return document;
}

function parsed(body: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
