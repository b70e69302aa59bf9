import type { RequestContext } from "../context.ts";
import { batch } from "../db/client.ts";
import type { Discovery, KeySet } from "./openapi.ts";
import { makeKey } from "./keys.ts";
import { type PublicJwk, signingKeys } from "./table.ts";

/** How long others may keep the answers, in seconds. A new key is published for much longer before it signs. */
const KEPT = 300;

const CONFIGURATION = "/.well-known/openid-configuration" as const;
const KEYS = "/.well-known/jwks.json" as const;
export const paths = { CONFIGURATION, KEYS };

/**
 * The discovery document: other services read it to verify the tokens that the deployment signs (OpenID Connect Discovery 1.0). The issuer
 * is the address of the request.
 */
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

/** For tests: after it the next answer is read from the database. */
export const forgetKeys = (): void => void (known = undefined);

/** Whether this isolate makes the first key now. */
let isMaking = false;

/**
 * The public keys. A flood of requests reads them once in a while. The first request of a new deployment makes the first key, so that nobody has to
 * wait for the cron.
 */
export async function publishKeys(ctx: RequestContext): Promise<Response> {
  if (!known || ctx.now - known.readAt >= KEPT * 1000 || ctx.now < known.readAt) {
    const [rows] = await batch(ctx.store, [ctx.store.db.select({ key: signingKeys.publicKey }).from(signingKeys)]);
    const keys = rows.length > 0 ? rows.map(({ key }) => key) : await makeFirst(ctx);
    // Nobody may keep an answer without the first key.
    if (keys.length === 0) return cached({ keys } satisfies KeySet, 0);
    known = { keys, readAt: ctx.now };
  }
  return cached({ keys: known.keys } satisfies KeySet, KEPT);
}

/** Makes the first key, unless another request makes it now: a flood of requests must not make many. */
async function makeFirst({ env, store, now }: RequestContext): Promise<PublicJwk[]> {
  if (isMaking) return [];
  isMaking = true;
  try {
    return [(await makeKey(env, store, undefined, now, now)).publicKey];
  } finally {
    isMaking = false;
  }
}

const cached = (document: object, seconds: number): Response =>
  Response.json(document, { headers: { "Cache-Control": seconds > 0 ? `public, max-age=${seconds}` : "no-store" } });
