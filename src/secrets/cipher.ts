import { masterKeysOf } from "../bytes/masterKeys.ts";
import { badRequest } from "../errors.ts";
import { releaseBuffer } from "../bytes/release.ts";

/**
 * AES-256-GCM with a key for each stack: HKDF(master key, stack id). The key depends on the stack's id and not on its name, so ciphertexts
 * stay valid after a rename. Users keep ciphertexts in files for years, so each contains its format and the id of its master key.
 *
 *   byte 0      format, 1
 *   byte 1      id of the master key, 0 to 255
 *   bytes 2–13  nonce
 *   rest        ciphertext and tag; additional data: the stack id
 */
const FORMAT = 1;
const HEADER = 14;
/** Difference in bytes between a ciphertext and its plaintext. */
export const OVERHEAD = HEADER + 16;

const encoder = new TextEncoder();

/** Derived keys, by setting, master key and stack. They never change, so an isolate may keep them. */
const derived = new Map<string, Promise<CryptoKey>>();
const MOST_KEYS = 1000;

async function stackKey(setting: string, keyId: number | undefined, stackId: string): Promise<{ id: number; key: CryptoKey } | undefined> {
  const masters = masterKeysOf(setting);
  const master = keyId === undefined ? masters[0] : masters.find((m) => m.id === keyId);
  if (!master) return undefined;
  const name = `${master.id}/${stackId}/${setting}`;
  let key = derived.get(name);
  if (!key) {
    if (derived.size >= MOST_KEYS) derived.clear();
    key = derive(master.key, stackId);
    derived.set(name, key);
  }
  return { id: master.id, key: await key };
}

async function derive(master: Uint8Array, stackId: string): Promise<CryptoKey> {
  const base = await crypto.subtle.importKey("raw", master, "HKDF", false, ["deriveKey"]);
  const params = { name: "HKDF", hash: "SHA-256", salt: encoder.encode(stackId), info: encoder.encode("stackpass stack secrets v1") };
  return crypto.subtle.deriveKey(params, base, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

export async function encrypt(setting: string, stackId: string, plaintext: Uint8Array): Promise<Uint8Array> {
  const found = await stackKey(setting, undefined, stackId);
  if (!found) throw new Error("ENCRYPTION_KEYS is not set");
  const nonce = crypto.getRandomValues(new Uint8Array(12));
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce, additionalData: encoder.encode(stackId) }, found.key, plaintext);
  const out = new Uint8Array(HEADER + sealed.byteLength);
  out.set([FORMAT, found.id]);
  out.set(nonce, 2);
  out.set(new Uint8Array(sealed), HEADER);
  releaseBuffer(sealed);
  return out;
}

/** @throws 400 for a ciphertext that was not encrypted for this stack */
export async function decrypt(setting: string, stackId: string, ciphertext: Uint8Array): Promise<Uint8Array> {
  const id = keyIdOf(ciphertext);
  const found = id === undefined ? undefined : await stackKey(setting, id, stackId);
  if (!found) throw notOurs();
  try {
    const opened = await crypto.subtle.decrypt(
      { name: "AES-GCM", iv: ciphertext.subarray(2, HEADER), additionalData: encoder.encode(stackId) },
      found.key,
      ciphertext.subarray(HEADER),
    );
    return new Uint8Array(opened);
  } catch {
    throw notOurs();
  }
}

/** Id of the master key that is used to encrypt. */
export const currentKeyId = (setting: string): number => masterKeysOf(setting)[0]!.id;

/** Id of the master key in a ciphertext's header; undefined if the ciphertext does not have our format. */
export const keyIdOf = (ciphertext: Uint8Array): number | undefined =>
  ciphertext[0] === FORMAT && ciphertext.length > HEADER ? ciphertext[1] : undefined;

const notOurs = () => badRequest("the ciphertext was not encrypted for this stack");
