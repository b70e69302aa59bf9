import type { RequestContext } from "../context.ts";
import { loaded } from "../loaded.ts";
import type { Claims } from "./claims.ts";
import { algorithms } from "./keys.ts";
import type { PublicKey } from "./table.ts";

/** Seconds by which the clock of an issuer may be ahead, and the age of a token that is accepted. */
const LEEWAY = 60;
const MOST_AGE = 86_400;
const MOST_SETS = 200;

/** The facts about an issuer that the check of its tokens needs. */
export interface KeySet {
  id: string;
  issuer: string;
  keys: PublicKey[];
  /** With the id, it names the keys: their imported form is kept in this isolate. */
  fetchedAt: number;
  version: number;
}

/** The claims, and the keys by which they were verified. `unknown-key`: perhaps the issuer has newer keys. */
export type Verified = { claims: Claims; by: Pick<KeySet, "keys" | "fetchedAt"> } | { fault: "unknown-key" | "invalid"; why: string };

type GetKey = ReturnType<(typeof import("jose/jwks/local"))["createLocalJWKSet"]>;
const sets = new Map<string, GetKey>();
const keySets = loaded(() => import("jose/jwks/local"));
const verification = loaded(() => import("jose/jwt/verify"));

async function keysOf({ id, keys, fetchedAt, version }: KeySet): Promise<GetKey> {
  const name = `${id} ${version} ${fetchedAt}`;
  const known = sets.get(name);
  if (known) return known;
  const { createLocalJWKSet } = await keySets();
  const made = createLocalJWKSet({ keys });
  if (sets.size >= MOST_SETS) sets.clear();
  sets.set(name, made);
  return made;
}

/**
 * Checks the signature, the issuer and the times of a token. The audience is checked later, because it depends on the organization. The library
 * is loaded with the first token, so that it costs nothing at the start.
 */
export async function verifyToken({ now }: Pick<RequestContext, "now">, token: string, set: KeySet): Promise<Verified> {
  const { jwtVerify } = await verification();
  try {
    const { payload } = await jwtVerify(token, await keysOf(set), {
      algorithms,
      issuer: set.issuer,
      currentDate: new Date(now),
      clockTolerance: LEEWAY,
      maxTokenAge: MOST_AGE,
      requiredClaims: ["exp"],
    });
    return payload.exp! * 1000 > now
      ? { claims: payload, by: { keys: set.keys, fetchedAt: set.fetchedAt } }
      : { fault: "invalid", why: "it has expired (exp)" };
  } catch (error) {
    return faultOf(error as Error & { code?: string; claim?: string });
  }
}

/** The reasons of the library by its codes. Its messages may change, and do not speak of the issuer. */
function faultOf({ code, claim, message }: Error & { code?: string; claim?: string }): Verified {
  const invalid = (why: string): Verified => ({ fault: "invalid", why });
  switch (code) {
    case "ERR_JWKS_NO_MATCHING_KEY":
      return { fault: "unknown-key", why: "no key of the issuer has its key id (kid) and algorithm" };
    case "ERR_JWKS_MULTIPLE_MATCHING_KEYS":
      return invalid("it has no key id (kid), and several keys of the issuer could have signed it");
    case "ERR_JWS_SIGNATURE_VERIFICATION_FAILED":
      return { fault: "unknown-key", why: "its signature does not match" };
    case "ERR_JWT_EXPIRED":
      return invalid(claim === "iat" ? "it was issued more than a day ago (iat)" : "it has expired (exp)");
    case "ERR_JWT_CLAIM_VALIDATION_FAILED":
      return invalid(claimFaults[claim ?? ""] ?? `its claim ${claim} is not valid`);
    default:
      return invalid(`it is not valid (${code ?? message})`);
  }
}

const claimFaults: Record<string, string> = {
  nbf: "it is not valid yet (nbf)",
  iat: "it was issued in the future, or does not say when (iat)",
  exp: "it has no expiry (exp)",
  iss: "its issuer (iss) is another one",
};
