import { whoIs } from "../audit/record.ts";
import type { Actor, OrganizationRef, RequestContext } from "../context.ts";
import { enterPlace } from "../db/client.ts";
import { DIRECTORY, placeOf } from "../db/places.ts";
import { type AppError, forbidden, tooManyRequests, unauthorized } from "../errors.ts";
import type { DeadToken, Identity, Resolution } from "./identity.ts";
import { resolveToken } from "./resolve.ts";
import { peppersOf } from "./secret.ts";
import { touch } from "./touch.ts";
import { addressKey } from "./addressKey.ts";
import { type StackNames, isDraining } from "./drain.ts";
import { type Lease, readLease } from "./leaseToken.ts";
import { withinLimit } from "./limiter.ts";
import { membershipIn } from "./policy.ts";
import { nameOfToken } from "./warning.ts";
import { recordDeadToken, recordDeadTokenFlood, recordRefusedLease, recordRefusedScimToken } from "./refusals.ts";

/** An authenticated caller, and the organization that the call is in. */
export interface Credential {
  identity: Identity;
  actor: Actor;
  org: OrganizationRef | undefined;
  /** A guard has refused the call once: rights that depend on a stack are looked up before the next try. */
  guarded?: boolean;
  /** Reads the identity from the database again, not from the cache. */
  refetch: () => Promise<Credential>;
  /** Called after a successful answer, to count the use of the token. */
  used: (ctx: RequestContext) => void;
}

interface Options {
  /** Skip the cache. */
  fresh?: boolean;
  /** The call is one that a deleted or expired token may still make while its update runs on that stack, see `drains`. */
  drainsOn?: StackNames | undefined;
}

/**
 * Authenticates the caller. Any other credential than a valid access token is refused with 401 (cli-protocol §1.3; the scheme `Bearer` is
 * accepted as well).
 * A token that was valid once gets the reason why it no longer is in `X-Pulumi-Warning` (cli-protocol §1.8).
 */
export async function authenticate(
  ctx: RequestContext,
  header: string | undefined,
  orgName?: string,
  options: Options = {},
): Promise<Credential> {
  const value = await credentialIn(ctx, header);
  const refetch = () => authenticate(ctx, header, orgName, { fresh: true });
  const found = await lookUp(ctx, value, options.fresh);
  // A session token is a credential for the console only, and a SCIM token one for the paths of SCIM only.
  if (!found || ["session", "scim"].includes(kindOf(found))) throw await countFailure(ctx, unauthorized("unknown_credential"));
  if ("dead" in found) {
    const { actor, id } = found.dead;
    if (actor && options.drainsOn && (await isDraining(ctx, id, options.drainsOn)))
      return credentialOf(
        orgName,
        { kind: found.dead.kind, actor, expiresAt: null, lastUsedAt: ctx.now, checkedAt: ctx.now, cached: false },
        refetch,
      );
    const refusal = await countFailure(ctx, unauthorized("ended_credential", endedMessage(found.dead)));
    const record = refusal.status === 401 ? recordDeadToken : recordDeadTokenFlood;
    await record(ctx, found.dead, orgName);
    throw refusal;
  }

  return credentialOf(orgName, found.identity, refetch);
}

/**
 * The caller of a console session. Undefined for an invalid session: the person signs in again.
 * @param value the value of the cookie
 * @param fresh skip the cache
 */
export async function authenticateSession(
  ctx: RequestContext,
  value: string,
  orgName: string | undefined,
  fresh = false,
): Promise<Credential | undefined> {
  // All sessions are in the directory.
  const found = await lookUp(ctx, value, fresh).finally(() => enterPlace(ctx, DIRECTORY));
  if (!found || !("identity" in found) || found.identity.kind !== "session") return undefined;
  return credentialOf(orgName, found.identity, async () => {
    const again = await authenticateSession(ctx, value, orgName, true);
    if (!again) throw unauthorized("ended_credential");
    return again;
  });
}

/**
 * The caller of SCIM: a SCIM token of the organization in the path. If a known credential is not a SCIM token, an event is recorded in the
 * log of its organization. @throws 401, 429
 */
export async function authenticateScim(
  ctx: RequestContext,
  header: string | undefined,
  orgName: string,
  fresh = false,
): Promise<Credential> {
  const found = await lookUp(ctx, await credentialIn(ctx, header), fresh);
  if (!found) throw await countFailure(ctx, unauthorized("unknown_credential"));
  const { kind, actor } = "dead" in found ? found.dead : found.identity;
  const isHere = actor?.kind === "organization" && actor.org.name === orgName;
  if (kind === "scim" && isHere && "identity" in found)
    return credentialOf(orgName, found.identity, () => authenticateScim(ctx, header, orgName, true));
  const refusal = await countFailure(ctx, unauthorized("dead" in found ? "ended_credential" : "unknown_credential"));
  const own = actor && (actor.kind === "user" ? membershipIn(actor, orgName)?.org : actor.org);
  const why =
    kind !== "scim"
      ? "a credential that is not a SCIM token was used for SCIM"
      : isHere
        ? "the SCIM token is not valid any more"
        : "the SCIM token does not belong to the organization of the path";
  if (own && refusal.status === 401) await recordRefusedScimToken(ctx, own, whoIs(actor), why);
  throw refusal;
}

/** Looks the credential up, and continues the request in the database that the value names. */
const lookUp = (ctx: RequestContext, value: string, fresh = false) =>
  resolveToken(value, {
    storeAt: (place) => {
      enterPlace(ctx, place);
      return ctx.store;
    },
    cache: ctx.env.TOKEN_CACHE,
    peppers: peppersOf(ctx.env.TOKEN_PEPPER),
    now: ctx.now,
    background: ctx.background,
    fresh,
  });

const kindOf = (found: NonNullable<Resolution>) => ("dead" in found ? found.dead.kind : found.identity.kind);

function credentialOf(orgName: string | undefined, identity: Identity, refetch: () => Promise<Credential>): Credential {
  return {
    identity,
    actor: identity.actor,
    org: orgName === undefined ? undefined : membershipIn(identity.actor, orgName)?.org,
    refetch,
    used: (request) => touch(request, identity),
  };
}

/**
 * Verifies the lease of the running update that the path names, without any look-up. An invalid lease is 403, never 401 (cli-protocol
 * §4.5).
 */
export async function enterWithLease(ctx: RequestContext, header: string | undefined, path: Record<string, string>): Promise<Lease> {
  const [, value] = /^update-token\s+(\S+)\s*$/i.exec(header ?? "") ?? [];
  const lease = value ? await readLease(peppersOf(ctx.env.TOKEN_PEPPER), value) : undefined;
  if (lease) enterPlace(ctx, placeOf(lease.coordinator));
  if (lease && isOf(lease, path)) return lease;
  if (lease) await recordRefusedLease(ctx, lease);
  throw forbidden("The provided update token has expired.", "lease_over");
}

/**
 * Whether a lease is for the update of a path. The names are compared without regard to upper and lower case, as in the name of the stack's
 * object.
 */
function isOf({ coordinator, updateId, orgName }: Lease, path: Record<string, string>): boolean {
  const stack = `/${path["projectName"]}/${path["stackName"]}`.toLowerCase();
  const isOrg = orgName === undefined || orgName.toLowerCase() === path["orgName"]?.toLowerCase();
  return isOrg && updateId === path["updateID"] && coordinator.endsWith(stack);
}

/** The value that a caller sends, `token VALUE` or `bearer VALUE`. @throws 401 when there is none */
export async function credentialIn(ctx: RequestContext, header: string | undefined): Promise<string> {
  const [, value] = /^(?:token|bearer)\s+(\S+)\s*$/i.exec(header ?? "") ?? [];
  if (!value) throw await countFailure(ctx, unauthorized("no_credential"));
  return value;
}

/** Counts a failed authentication by address, and answers 429 when there are too many. A valid credential is never counted. */
export const countFailure = async (ctx: RequestContext, refusal: AppError): Promise<AppError> =>
  (await withinLimit(ctx.env.FAILED_CREDENTIALS, addressKey(ctx.address))) ? refusal : tooManyRequests(60);

function endedMessage(dead: DeadToken): string {
  const what = dead.kind === "personal" ? "personal token" : nameOfToken(dead.kind, dead.name, dead.org);
  const when = new Date(dead.at).toISOString().slice(0, 16).replace("T", " ");
  const ended = { deleted: "was deleted", disabled: "was disabled", rotated: "was rotated", expired: "expired" }[dead.ended];
  return `${what} ${ended} on ${when} UTC${dead.successor && `, its successor is ${dead.successor}`}`;
}
