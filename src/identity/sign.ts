import type { Store } from "../db/client.ts";
import type { Bindings } from "../env.ts";
import { loaded } from "../loaded.ts";
import { type KeyRow, activeKey, importKey, makeKey, newestKey, unseal } from "./keys.ts";

const signing = loaded(() => import("jose/jwt/sign"));

/** Longest lifetime of a token, in seconds. */
export const LONGEST = 900;

/** The part of an organization that the deployment acts for. Its subject is `org:ORG:KIND:NAME`. */
export interface Subject {
  org: string;
  kind: "audit-stream";
  name: string;
}

/** A name that a person has chosen contains no colon here, so it cannot imitate another subject. */
export const subjectOf = ({ org, kind, name }: Subject): string => ["org", org, kind, name].map(encodeURIComponent).join(":");

interface Wanted {
  /** The address of the deployment, as the other service knows it. */
  issuer: string;
  subject: Subject;
  audience: string;
  /** Seconds, at most `LONGEST`. */
  lifetime: number;
}

interface Context {
  env: Pick<Bindings, "ENCRYPTION_KEYS">;
  store: Store;
  now: number;
}

/**
 * Signs a token by which the deployment proves to another service for which part of which organization it acts. No route may let a caller choose
 * the subject: it must name the caller's own organization, and a thing that exists.
 */
export async function signAs(ctx: Context, { issuer, subject, audience, lifetime }: Wanted): Promise<string> {
  if (!(lifetime > 0 && lifetime <= LONGEST)) throw new Error(`a token lives for 1 to ${LONGEST} seconds`);
  const { kid, key } = await readKey(ctx);
  const { SignJWT } = await signing();
  const seconds = Math.floor(ctx.now / 1000);
  return new SignJWT()
    .setProtectedHeader({ alg: "RS256", kid, typ: "JWT" })
    .setIssuer(issuer)
    .setSubject(subjectOf(subject))
    .setAudience(audience)
    .setIssuedAt(seconds)
    .setNotBefore(seconds)
    .setExpirationTime(seconds + lifetime)
    .setJti(crypto.randomUUID())
    .sign(key);
}

/** The key that signs now. It is made if the cron has not made one that can be read. */
async function readKey({ env, store, now }: Context): Promise<{ kid: string; key: CryptoKey }> {
  const active = await activeKey(store, now);
  const secret = active && (await unseal(env, active));
  if (secret) return { kid: active.kid, key: await importKey(secret) };
  const made: KeyRow = await makeKey(env, store, await newestKey(store), now, now);
  const own = await unseal(env, made);
  if (!own) throw new Error("the signing key cannot be read: its master key is not in ENCRYPTION_KEYS");
  return { kid: made.kid, key: await importKey(own) };
}
