import { fromBase64url, toBase64url, tryFromBase64 } from "../bytes/base64.ts";

/**
 * The lease token of a running update. It names the stack's object and the update and is signed, so a request under a lease reaches its
 * object without a look-up. Only the object knows whether the lease is still valid.
 */
export interface Lease {
  /** Name of the stack's Durable Object, see `coordinatorName`. */
  coordinator: string;
  updateId: string;
  /**
   * Name of the stack's organization when the update started, as in the client's paths. Undefined for a lease that an older release signed.
   */
  orgName?: string;
}

/** Members are only added, so that a lease stays valid across a deploy. */
const isPayload = (value: unknown): value is [coordinator: string, updateId: string, orgName?: unknown] =>
  Array.isArray(value) && typeof value[0] === "string" && typeof value[1] === "string";

const encoder = new TextEncoder();
const keys = new Map<string, Promise<CryptoKey>>();

/** The signing key is derived from the pepper, so that no further secret must be kept. */
function signingKey(pepper: string): Promise<CryptoKey> {
  let key = keys.get(pepper);
  if (!key) {
    key = crypto.subtle.importKey("raw", encoder.encode(`stackpass update lease v1:${pepper}`), { name: "HMAC", hash: "SHA-256" }, false, [
      "sign",
      "verify",
    ]);
    keys.set(pepper, key);
  }
  return key;
}

export async function signLease(peppers: string[], lease: Lease): Promise<string> {
  const payload = encoder.encode(JSON.stringify([lease.coordinator, lease.updateId, lease.orgName]));
  const signature = await crypto.subtle.sign("HMAC", await signingKey(peppers[0] ?? ""), payload);
  return `${toBase64url(payload)}.${toBase64url(new Uint8Array(signature))}`;
}

/** The content of a lease, or undefined when we did not sign it. */
export async function readLease(peppers: string[], token: string): Promise<Lease | undefined> {
  const [payload, signature, ...rest] = token.split(".").map((part) => tryFromBase64(part, fromBase64url));
  if (!payload || !signature || rest.length > 0) return undefined;
  for (const pepper of peppers) {
    if (await crypto.subtle.verify("HMAC", await signingKey(pepper), signature, payload)) {
      const parsed: unknown = JSON.parse(new TextDecoder().decode(payload));
      if (!isPayload(parsed)) return undefined;
      const [coordinator, updateId, orgName] = parsed;
      return { coordinator, updateId, ...(typeof orgName === "string" && { orgName }) };
    }
  }
  return undefined;
}
