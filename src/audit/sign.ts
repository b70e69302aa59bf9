/**
 * Signatures of checkpoints: Ed25519 with keys that are derived from the deployment's master keys, so that no further secret must be kept.
 * Pure except for WebCrypto; it imports only the chain and `bytes/`, so that the offline verifier runs the same code.
 */
import { fromBase64url, toBase64url } from "../bytes/base64.ts";
import { masterKeysOf } from "../bytes/masterKeys.ts";
import { canonical } from "./chain.ts";

/** The signed statement: on this day the organization's chain ended with this record. */
export interface Checkpoint {
  orgId: string;
  /** UTC, `2026-01-31`. */
  day: string;
  seq: number;
  hash: string;
  /** When it was signed, RFC 3339. */
  time: string;
  algorithm: "Ed25519";
  /** The id of the deployment's key. */
  keyId: string;
  /** Day and record of the previous checkpoint; absent in the first one, and in checkpoints of older releases. */
  previousDay?: string;
  previousSeq?: number;
  /** The signature of the canonical form of all other members, base64url. */
  signature: string;
}

export interface SigningKey {
  keyId: string;
  /** Raw 32 bytes, base64url. */
  publicKey: string;
}

/** PKCS #8 around a 32-byte Ed25519 seed (RFC 8410). */
const PKCS8 = Uint8Array.from([0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20]);

/** @param masterKeys the secret `ENCRYPTION_KEYS`: `id:base64url,…`, the current one first */
export async function signingKeys(masterKeys: string): Promise<(SigningKey & { privateKey: CryptoKey })[]> {
  return Promise.all(
    masterKeysOf(masterKeys).map(async ({ id, key }) => {
      const master = await crypto.subtle.importKey("raw", key, "HKDF", false, ["deriveBits"]);
      const info = new TextEncoder().encode("stackpass audit checkpoint");
      const seed = await crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info }, master, 256);
      const privateKey = await crypto.subtle.importKey("pkcs8", joined(PKCS8, new Uint8Array(seed)), "Ed25519", true, ["sign"]);
      const { x } = (await crypto.subtle.exportKey("jwk", privateKey)) as { x?: string };
      return { keyId: String(id), publicKey: x ?? "", privateKey };
    }),
  );
}

export async function signCheckpoint(checkpoint: Omit<Checkpoint, "signature">, privateKey: CryptoKey): Promise<Checkpoint> {
  const signature = await crypto.subtle.sign("Ed25519", privateKey, bytesOf(checkpoint));
  return { ...checkpoint, signature: toBase64url(new Uint8Array(signature)) };
}

/** Public keys that belong to earlier master keys: `id:base64url,…`. Invalid entries are skipped. */
export const retiredKeys = (setting = ""): SigningKey[] =>
  [...setting.matchAll(/(?<=^|,)\s*([^:,\s]+):([\w-]{43})\s*(?=,|$)/g)].map(([, keyId = "", publicKey = ""]) => ({ keyId, publicKey }));

/** @returns undefined for a text that is not a checkpoint */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  try {
    const read = JSON.parse(text) as Partial<Checkpoint> | null;
    const texts = [read?.orgId, read?.day, read?.hash, read?.keyId, read?.signature];
    return texts.every((value) => typeof value === "string") && Number.isSafeInteger(read?.seq) ? (read as Checkpoint) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Verifies a signature.
 * @returns `unknown` when there is no key with the checkpoint's id, so that the signature cannot be verified
 */
export async function signatureOf(checkpoint: Checkpoint, keys: SigningKey[]): Promise<"good" | "bad" | "unknown"> {
  const candidates = keys.filter(({ keyId }) => keyId === checkpoint.keyId);
  for (const { publicKey } of candidates) if (await isSigned(checkpoint, publicKey)) return "good";
  return candidates.length > 0 ? "bad" : "unknown";
}

/** @param publicKey raw, base64url */
async function isSigned({ signature, ...checkpoint }: Checkpoint, publicKey: string): Promise<boolean> {
  try {
    const key = await crypto.subtle.importKey("raw", fromBase64url(publicKey), "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", key, fromBase64url(signature), bytesOf(checkpoint));
  } catch {
    return false;
  }
}

const bytesOf = (checkpoint: Omit<Checkpoint, "signature">) => new TextEncoder().encode(canonical({ ...checkpoint }));

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
