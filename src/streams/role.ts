import { type Store, directoryOf } from "../db/client.ts";
import type { Bindings } from "../env.ts";
import { signAs, subjectOf } from "../identity/sign.ts";
import { type Credentials, type Destination, type RoleDestination, hasRole, statusFault } from "./destination.ts";
import { type Attempt, type Failure, ask, failureOf } from "./send.ts";

/** Seconds for which the token service can check the token of this deployment. */
const TOKEN_SECONDS = 300;
/** A temporary key is replaced this long before it expires, in milliseconds. */
const MARGIN = 300_000;

interface TemporaryKey {
  credentials: Credentials;
  expiresAt: number;
}

/** The temporary key of a stream, in the memory of its object. It is a credential, so it is not stored. */
export interface KeyHolder {
  held?: { of: string; key: TemporaryKey } | undefined;
}

interface Context {
  env: Bindings;
  store: Store;
  now: number;
}

/** A destination with the names of the organization and of the stream, of which the subject of the token consists. */
export interface Place {
  destination: Destination;
  org: { name: string };
  name: string;
}

/**
 * The credentials for the next call: those that are stored, or the temporary key of the role.
 * @param stored undefined if they cannot be read any more
 */
export async function credentialsFor(
  ctx: Context,
  { destination, org, name }: Place,
  stored: Credentials | undefined,
  attempt: Attempt,
  holder: KeyHolder = {},
): Promise<{ credentials: Credentials; failure?: undefined } | { credentials?: undefined; failure: NonNullable<Failure> }> {
  // A role needs nothing that is stored.
  if (!hasRole(destination))
    return stored ? { credentials: stored } : { failure: { error: "The stored credential cannot be read any more: set it again." } };
  const subject = { org: org.name, kind: "audit-stream", name } as const;
  const of = JSON.stringify([destination, subject]);
  if (holder.held?.of === of && holder.held.key.expiresAt - MARGIN > ctx.now) return { credentials: holder.held.key.credentials };
  holder.held = undefined;
  const { url, audience } = tokenServiceOf(destination);
  const token = await signAs(
    { ...ctx, store: directoryOf(ctx) },
    { issuer: destination.issuer, subject, audience, lifetime: TOKEN_SECONDS },
  );
  const body = new URLSearchParams({
    Action: "AssumeRoleWithWebIdentity",
    Version: "2011-06-15",
    RoleArn: destination.roleArn,
    RoleSessionName: `stackpass-${org.name}`.replaceAll(/[^\w+=,.@-]/g, "-").slice(0, 64),
    WebIdentityToken: token,
  });
  const request = { method: "POST", headers: { "Content-Type": "application/x-www-form-urlencoded" }, body: body.toString() } as const;
  const { answer, failure } = await ask(ctx.env, { url, request }, attempt);
  if (!answer) return { failure: { ...failure, error: `The IAM role could not be assumed. ${failure.error}` } };
  const text = new TextDecoder().decode(answer.body);
  if (statusFault(answer)) {
    const code = /<Code>([A-Za-z.]{1,60})<\/Code>/.exec(text)?.[1];
    const why = `status ${answer.status}${code ? `, ${code}` : ""}`;
    const error = `The IAM role could not be assumed (${why}). Its trust policy must admit this deployment with the subject ${subjectOf(subject)}.`;
    return { failure: failureOf(answer, error) };
  }
  const key = temporaryKeyIn(text);
  if (!key) return { failure: { error: "The IAM role could not be assumed. The answer does not come from a token service (STS)." } };
  holder.held = { of, key };
  return { credentials: key.credentials };
}

/**
 * Where the role is assumed, and for whom the token is: AWS for its own stores, and otherwise the store itself, as MinIO does it. So no other
 * server ever gets a token that AWS would accept.
 */
export function tokenServiceOf({ url, region }: RoleDestination): { url: string; audience: string } {
  const { hostname, origin } = new URL(url);
  const aws = /\.amazonaws\.com(\.cn)?$/.exec(hostname);
  return aws
    ? { url: `https://sts.${region}.amazonaws.com${aws[1] ?? ""}/`, audience: "sts.amazonaws.com" }
    : { url: `${origin}/`, audience: origin };
}

/** The key in an answer of AssumeRoleWithWebIdentity. */
function temporaryKeyIn(xml: string): TemporaryKey | undefined {
  const [accessKeyId, secret, sessionToken, expiration] = ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"].map(
    (name) => new RegExp(`<${name}>\\s*([\\x21-\\x3b=?-\\x7e]{1,8000})\\s*</${name}>`).exec(xml)?.[1],
  );
  const expiresAt = Date.parse(expiration ?? "");
  if (!accessKeyId || !secret || !sessionToken || Number.isNaN(expiresAt)) return undefined;
  return { credentials: { secret, accessKeyId, sessionToken }, expiresAt };
}
