import { LEAST_SECRET } from "../auth/secret.ts";
import { tryFromBase64 } from "../bytes/base64.ts";
import type { Bindings } from "../env.ts";

const encoder = new TextEncoder();

/**
 * Whether a report was signed by a scanner that the deployment trusts, in one of two ways:
 * `Github-Public-Key-Signature`, an ECDSA signature (P-256, SHA-256, DER in base64) under one of the public keys in
 * `LEAK_SCANNER_KEYS` (PEM, one after the other), as GitHub's secret scanning sends it;
 * `X-Hub-Signature-256: sha256=<hex>`, an HMAC under `LEAK_SCANNER_SECRET`.
 * @param text the body as it was sent
 */
export async function isSignedByScanner(env: Bindings, text: string, headers: Headers): Promise<boolean> {
  const body = encoder.encode(text);
  const ecdsa = headers.get("Github-Public-Key-Signature");
  if (ecdsa) {
    const signature = fromDer(tryFromBase64(ecdsa));
    for (const key of publicKeysIn(env.LEAK_SCANNER_KEYS ?? "")) if (signature && (await verifyEcdsa(key, signature, body))) return true;
  }
  const [, hmac] = /^sha256=([0-9a-f]{64})$/.exec(headers.get("X-Hub-Signature-256") ?? "") ?? [];
  const secret = scannerSecretOf(env);
  if (!hmac || !secret) return false;
  const key = await crypto.subtle.importKey("raw", encoder.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
  const signature = Uint8Array.from(hmac.match(/../g)!, (pair) => parseInt(pair, 16));
  return crypto.subtle.verify("HMAC", key, signature, body);
}

/** The setting `LEAK_SCANNER_SECRET`. A secret that is too short is ignored: it could be guessed from the HMAC of one report. */
export const scannerSecretOf = ({ LEAK_SCANNER_SECRET: secret = "" }: Bindings): string | undefined =>
  secret.length >= LEAST_SECRET ? secret : undefined;

const publicKeysIn = (pem: string) =>
  [...pem.matchAll(/-----BEGIN PUBLIC KEY-----([^-]+)-----END PUBLIC KEY-----/g)].map(([, base64]) =>
    tryFromBase64(base64!.replaceAll(/\s|\\n/g, "")),
  );

async function verifyEcdsa(spki: Uint8Array | undefined, signature: Uint8Array, body: Uint8Array): Promise<boolean> {
  if (!spki) return false;
  try {
    const key = await crypto.subtle.importKey("spki", spki, { name: "ECDSA", namedCurve: "P-256" }, false, ["verify"]);
    return await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, signature, body);
  } catch {
    return false;
  }
}

/** Converts two integers in DER to the 64 bytes that WebCrypto requires: r and s, 32 bytes each. */
function fromDer(der: Uint8Array | undefined): Uint8Array | undefined {
  if (!der || der[0] !== 0x30 || der[1] !== der.length - 2) return undefined;
  const raw = new Uint8Array(64);
  let at = 2;
  for (const end of [32, 64]) {
    const length = der[at + 1] ?? 0;
    if (der[at] !== 0x02 || at + 2 + length > der.length) return undefined;
    let bytes = der.subarray(at + 2, at + 2 + length);
    while (bytes.length > 32 && bytes[0] === 0) bytes = bytes.subarray(1);
    if (bytes.length > 32) return undefined;
    raw.set(bytes, end - bytes.length);
    at += 2 + length;
  }
  return at === der.length ? raw : undefined;
}
