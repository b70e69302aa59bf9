import { toHex } from "../bytes/base64.ts";
import type { Identity } from "./identity.ts";

/**
 * An identity as stored in KV. KV is not trusted: an entry is signed, together with the hash that it is stored under, by a key derived from
 * the pepper. An entry that was forged, changed, or copied from another token is a cache miss.
 */
const encoder = new TextEncoder();
const keys = new Map<string, Promise<CryptoKey>>();

function signingKey(pepper: string): Promise<CryptoKey> {
  let key = keys.get(pepper);
  if (!key) {
    const bytes = encoder.encode(`stackpass identity cache v1:${pepper}`);
    key = crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
    keys.set(pepper, key);
  }
  return key;
}

const signed = (hash: string, json: string) => encoder.encode(`${hash}.${json}`);
/** Hexadecimal digits of the signature, which precedes the JSON. */
const SIGNATURE = 64;

export async function sealEntry(pepper: string, hash: string, { actor, ...identity }: Identity): Promise<string> {
  const { hash: _, ...token } = actor.token;
  const json = JSON.stringify({ ...identity, actor: { ...actor, token } });
  return toHex(await crypto.subtle.sign("HMAC", await signingKey(pepper), signed(hash, json))) + json;
}

/** @returns the identity with the hash of the token; undefined for an entry that was not signed for this hash under this pepper */
export async function openEntry(pepper: string, hash: string, entry: string): Promise<Identity | undefined> {
  const json = entry.slice(SIGNATURE);
  const signature = Uint8Array.from(entry.slice(0, SIGNATURE).match(/[0-9a-f]{2}/g) ?? [], (pair) => parseInt(pair, 16));
  if (!(await crypto.subtle.verify("HMAC", await signingKey(pepper), signature, signed(hash, json)))) return undefined;
  const identity = JSON.parse(json) as Identity;
  identity.actor.token.hash = hash;
  return identity;
}
