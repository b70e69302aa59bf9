import { toBase64, tryFromBase64 } from "../bytes/base64.ts";

/** Signatures as Standard Webhooks says (identity-facts W-2). */

const PREFIX = "whsec_";

export const newSigningSecret = (): string => PREFIX + toBase64(crypto.getRandomValues(new Uint8Array(32)));

/**
 * The three headers of a message.
 * @param secret undefined for a message without a signature
 * @param id the same in all attempts, without a dot
 * @param at time of the attempt, milliseconds since 1970
 */
export async function standardHeaders(secret: string | undefined, id: string, at: number, body: string): Promise<Record<string, string>> {
  const timestamp = String(Math.floor(at / 1000));
  return {
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    ...(secret !== undefined && {
      "webhook-signature": `v1,${toBase64(await hmac(standardKey(secret), `${id}.${timestamp}.${body}`))}`,
    }),
  };
}

/** The key of a secret: the decoded text after `whsec_`. Any other secret is its own key. */
const standardKey = (secret: string): Uint8Array<ArrayBuffer> =>
  (secret.startsWith(PREFIX) ? tryFromBase64(secret.slice(PREFIX.length)) : undefined) ?? utf8(secret);

/** The bytes of a text. */
export const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;

/** HMAC-SHA256 of a text. */
export async function hmac(secret: Uint8Array<ArrayBuffer>, content: string): Promise<Uint8Array> {
  // WebCrypto refuses an empty key.
  const bytes = secret.length === 0 ? new Uint8Array(1) : secret;
  const key = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, utf8(content)));
}
