import type { RequestContext } from "../context.ts";
import { batch } from "../db/client.ts";
import type { Discovery, KeySet } from "./openapi.ts";
import { type PublicJwk, signingKeys } from "./table.ts";

/** How long others may keep the answers, in seconds. A new key is published for much longer before it signs. */
const KEPT = 300;

const CONFIGURATION = "/.well-known/openid-configuration" as const;
const KEYS = "/.well-known/jwks.json" as const;
export const paths = { CONFIGURATION, KEYS };

/** What other services read to trust the deployment (OpenID Connect Discovery 1.0). The issuer is the address that was asked. */
export function describe(origin: string): Response {
  const document: Discovery = {
    issuer: origin,
    jwks_uri: origin + KEYS,
    response_types_supported: ["id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["RS256"],
    claims_supported: ["aud", "exp", "iat", "iss", "jti", "nbf", "sub"],
  };
  return cached(document, KEPT);
}

/** The keys of this isolate's last answer. */
let known: { keys: PublicJwk[]; readAt: number } | undefined;

/** The public keys. A flood of requests reads them once in a while. */
export async function publishKeys(ctx: RequestContext): Promise<Response> {
  if (!known || ctx.now - known.readAt >= KEPT * 1000 || ctx.now < known.readAt) {
    const [rows] = await batch(ctx.store, [ctx.store.db.select({ key: signingKeys.publicKey }).from(signingKeys)]);
    // Nobody may keep the answer of a deployment whose first key is not made yet.
    if (rows.length === 0) return cached({ keys: [] } satisfies KeySet, 0);
    known = { keys: rows.map(({ key }) => key), readAt: ctx.now };
  }
  return cached({ keys: known.keys } satisfies KeySet, KEPT);
}

const cached = (document: object, seconds: number): Response =>
  Response.json(document, { headers: { "Cache-Control": seconds > 0 ? `public, max-age=${seconds}` : "no-store" } });
