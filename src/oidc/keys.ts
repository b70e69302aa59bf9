import { tryFromBase64, fromBase64url } from "../bytes/base64.ts";
import type { PublicKey } from "./table.ts";

/** Maximum number of keys of an issuer. */
export const MOST_KEYS = 100;
/** Bits of an RSA key that can be trusted. */
const LEAST_RSA_BITS = 2048;
const MOST_RSA_BITS = 8192;

/**
 * The algorithms of signatures that are accepted. `none` and the symmetric ones are not among them: with those, a public key could sign.
 */
export const algorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA", "Ed25519"];

const members = ["kty", "kid", "use", "alg", "n", "e", "crv", "x", "y"] as const;
/** Members of a private or symmetric key. */
export const secretMembers = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] as const;

/** The reason why a key is refused; undefined for a good key. */
export function keyFault(key: Record<string, unknown>): string | undefined {
  if (secretMembers.some((name) => key[name] !== undefined)) return "a key must not have private members: register the public keys only";
  if (members.some((name) => key[name] !== undefined && (typeof key[name] !== "string" || key[name].length > 2000)))
    return "the members of a key are texts";
  const { kty, use, alg, crv, n, e, x, y } = key as unknown as PublicKey;
  if (use !== undefined && use !== "sig") return 'the use of a key must be "sig"';
  if (alg !== undefined && !algorithms.includes(alg)) return `the algorithm of a key must be one of ${algorithms.join(", ")}`;
  switch (kty) {
    case "RSA": {
      const bits = n === undefined ? 0 : bitsOf(n);
      if (e === undefined || e.length > 8 || bits < LEAST_RSA_BITS || bits > MOST_RSA_BITS)
        return `an RSA key has n and e, and ${LEAST_RSA_BITS} to ${MOST_RSA_BITS} bits`;
      return undefined;
    }
    case "EC":
      return (crv === "P-256" || crv === "P-384") && x !== undefined && y !== undefined
        ? undefined
        : "an EC key has x and y on P-256 or P-384";
    case "OKP":
      return crv === "Ed25519" && x !== undefined ? undefined : "an OKP key has x on Ed25519";
    default:
      return "the kty of a key must be RSA, EC or OKP";
  }
}

/** The bits of a number in base64url, 0 for another text. */
function bitsOf(text: string): number {
  const bytes = tryFromBase64(text, fromBase64url) ?? new Uint8Array();
  const first = bytes.findIndex((byte) => byte !== 0);
  return first < 0 ? 0 : (bytes.length - first) * 8 - Math.clz32(bytes[first]!) + 24;
}

/** The members of a key that a signature needs. */
export const publicPart = (key: Record<string, unknown>): PublicKey =>
  Object.fromEntries(members.flatMap((name) => (key[name] === undefined ? [] : [[name, key[name]]]))) as unknown as PublicKey;

/** The usable keys of a key set that an issuer publishes; undefined if it is none. Issuers publish keys for other purposes, too. */
export function keysIn(document: unknown): PublicKey[] | undefined {
  const { keys } = (typeof document === "object" && document !== null ? document : {}) as { keys?: unknown };
  if (!Array.isArray(keys) || keys.length > MOST_KEYS) return undefined;
  const usable = keys.filter(
    (key): key is Record<string, unknown> => typeof key === "object" && key !== null && keyFault(key as never) === undefined,
  );
  return usable.length === 0 ? undefined : usable.map(publicPart);
}
