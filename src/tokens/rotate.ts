import { type SQL, and, eq, getTableColumns, isNull, sql } from "drizzle-orm";
import type * as z from "zod/mini";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditIf, changedARow, describedBy, whoIs } from "../audit/record.ts";
import { requireExpiryPolicy } from "../auth/authorize.ts";
import { guarded } from "../auth/guard.ts";
import { notOver } from "../auth/lives.ts";
import { settingsOf } from "../auth/policy.ts";
import { forgetIdentities } from "../auth/resolve.ts";
import { newTokenValue, peppersOf } from "../auth/secret.ts";
import { type ActorContext, type OrgContext, loginOf } from "../context.ts";
import { UniqueViolation } from "../db/client.ts";
import { badRequest, conflict, forbidden, notFound } from "../errors.ts";
import { type TokenRow, seconds, stateOf, visibleColumns } from "./accessToken.ts";
import { EXCHANGED, thatToken } from "./get.ts";
import { nameTaken } from "./nameTaken.ts";
import { type TokenOwner, theOrganization } from "./owner.ts";
import { type RotateAccessTokenRequest, expiryFault, lastExpiry } from "./schema.ts";
import { accessTokens } from "./table.ts";

type Request = z.infer<typeof RotateAccessTokenRequest>;

/**
 * Creates a successor of a token for an administrator, with the token's current rights. Both are valid for `overlap` seconds, then the old
 * one expires. A disabled token may be rotated too; its value stays invalid.
 */
export async function rotateOrgToken(ctx: OrgContext, id: string, request: Request, owner: TokenOwner = theOrganization) {
  const { maxTokenExpiryDays } = settingsOf(ctx);
  const asked = request.expires;
  const wanted = asked ? asked * 1000 : null;
  const fault = asked === null || asked === undefined ? undefined : expiryFault(wanted, ctx.now, maxTokenExpiryDays, ctx.org.name);
  if (fault) throw badRequest(fault);
  const that = { id, one: thatToken(ctx, id, owner), kind: owner.kind };
  return rotate(ctx, that, request, sql`1`, asked === null || asked === undefined ? undefined : sql`${wanted}`);
}

/**
 * A token rotates itself. For this it needs no right to create tokens, but it must have been created with the permission to rotate itself.
 * The successor has the same rights and lifetime, and at most two tokens of a family are valid at the same time.
 * @throws 403 for any other token, for a name, and for a token that its organization's policy on expiry refuses; 409 while its own
 * predecessor is still valid
 */
export async function rotateItself(ctx: ActorContext, request: Request) {
  const { actor } = ctx;
  if (actor.kind === "user") throw forbidden("Only an organization or team token can rotate itself.");
  // A machine must not choose names, because they are reserved forever and people rely on them.
  if (request.name) throw forbidden("A token cannot choose the name of its successor.");
  await requireExpiryPolicy(ctx, actor);
  const predecessorEnded = sql`NOT EXISTS (SELECT 1 FROM access_tokens AS old WHERE old.id = access_tokens.rotated_from
    AND old.deleted_at IS NULL AND (old.retires_at IS NULL OR old.retires_at > ${ctx.now}))`;
  const mayDoSo = and(eq(accessTokens.mayRotateItself, true), predecessorEnded)!;
  const fault = request.expires ? expiryFault(request.expires * 1000, ctx.now) : undefined;
  if (fault) throw badRequest(fault);
  const inItsOrg = Object.assign(ctx, { org: actor.org });
  const shorter = request.expires
    ? sql`min(coalesce(${ruled(inItsOrg)}, ${request.expires * 1000}), ${request.expires * 1000})`
    : undefined;
  const { id } = actor.token;
  const itself = and(eq(accessTokens.id, id), eq(accessTokens.orgId, actor.org.id))!;
  return rotate(inItsOrg, { id, one: itself, kind: actor.kind }, request, mayDoSo, shorter);
}

/** The lifetime of its predecessor, limited to the longest lifetime of a new token. */
function ruled(ctx: OrgContext): SQL {
  const { maxTokenExpiryDays } = settingsOf(ctx);
  const latest = lastExpiry(ctx.now, maxTokenExpiryDays);
  const forNever = maxTokenExpiryDays === null ? sql`NULL` : sql`${latest}`;
  return sql`CASE WHEN ${accessTokens.expiresAt} IS NULL THEN ${forNever}
    ELSE min(${ctx.now} + ${accessTokens.expiresAt} - ${accessTokens.createdAt}, ${latest}) END`;
}

/** The token that is rotated. */
interface That {
  id: string;
  one: SQL;
  kind: TokenOwner["kind"];
}

async function rotate(ctx: OrgContext, that: That, request: Request, mayDoSo: SQL, expiresAt: SQL = ruled(ctx)) {
  for (const suffix of request.name ? [""] : ["", `-${crypto.randomUUID().slice(0, 4)}`]) {
    try {
      return await attempt(ctx, that, request, mayDoSo, expiresAt, suffix);
    } catch (error) {
      if (!(error instanceof UniqueViolation)) throw error;
    }
  }
  throw request.name ? await nameTaken(ctx, request.name) : conflict("token name already exists");
}

async function attempt(ctx: OrgContext, { id, one, kind }: That, request: Request, mayDoSo: SQL, expiresAt: SQL, suffix: string) {
  const { db } = ctx.store;
  const { value, hash } = await newTokenValue(peppersOf(ctx.env.TOKEN_PEPPER), ctx.store.place);
  const successorId = crypto.randomUUID();
  const retiresAt = ctx.now + (request.overlap ?? 0) * 1000;
  const mayHaveOne = and(isNull(accessTokens.deletedAt), isNull(accessTokens.issuerId), isNull(accessTokens.successorId), notOver(ctx.now));
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), { event: `${kind}-token-rotated`, description: "" });
  const described = sql`(SELECT 'Rotated ' || old.kind || ' token "' || old.name || '" (' || old.id || ') to "' || new.name || '" (' || new.id || ').'
    FROM access_tokens AS old, access_tokens AS new WHERE old.id = ${id} AND new.id = ${successorId}) || ${` The old token is valid until ${new Date(retiresAt).toISOString()}.`}`;
  const successor = db
    .select({ ...getTableColumns(accessTokens), ...successorOf(ctx, successorId, hash, nameOf(request, suffix), expiresAt) })
    .from(accessTokens)
    .where(and(one, mayHaveOne, mayDoSo));
  const [, , , old, created] = await guarded(ctx, [
    db.insert(accessTokens).select(successor),
    db
      .update(accessTokens)
      .set({ successorId, retiresAt, familyId: sql`coalesce(${accessTokens.familyId}, ${accessTokens.id})` })
      .where(and(one, sql`EXISTS (SELECT 1 FROM access_tokens AS new WHERE new.id = ${successorId})`)),
    auditIf(ctx.store, event, changedARow, describedBy(event, described)),
    db
      .select({ ...visibleColumns, hash: accessTokens.hash })
      .from(accessTokens)
      .where(one),
    db.select(visibleColumns).from(accessTokens).where(eq(accessTokens.id, successorId)),
  ]);
  const made = created[0];
  if (!made) throw refusal(old[0], ctx.now);
  await forgetIdentities(ctx.env.TOKEN_CACHE, [old[0]!.hash]);
  if (retiresAt <= ctx.now) await ctx.tokensEnded({ tokenIds: [id] });
  relaySoon(ctx, event);
  return {
    id: made.id,
    tokenValue: value,
    name: made.name,
    expires: seconds(made.expiresAt),
    rotatedFrom: id,
    overlapEnds: seconds(retiresAt),
  };
}

/** Values of the successor that differ from its predecessor. The columns keep the table's order: D1 inserts them by position. */
const successorOf = (ctx: OrgContext, id: string, hash: string, name: SQL, expiresAt: SQL) => ({
  id: sql<string>`${id}`.as("id"),
  name: sql<string>`${name}`.as("name"),
  hash: sql<string>`${hash}`.as("hash"),
  createdAt: sql<number>`${ctx.now}`.as("created_at"),
  createdBy: sql<string>`${loginOf(ctx.actor)}`.as("created_by"),
  expiresAt: sql<number | null>`${expiresAt}`.as("expires_at"),
  lastUsedAt: sql<null>`NULL`.as("last_used_at"),
  version: sql<number>`0`.as("version"),
  disabledAt: sql<null>`NULL`.as("disabled_at"),
  disabledReason: sql<null>`NULL`.as("disabled_reason"),
  enabledAt: sql<null>`NULL`.as("enabled_at"),
  familyId: sql<string>`coalesce(${accessTokens.familyId}, ${accessTokens.id})`.as("family_id"),
  generation: sql<number>`${accessTokens.generation} + 1`.as("generation"),
  rotatedFrom: sql<string>`${accessTokens.id}`.as("rotated_from"),
  madeWith: sql<string>`${ctx.actor.token.id}`.as("made_with"),
  successorId: sql<null>`NULL`.as("successor_id"),
  retiresAt: sql<null>`NULL`.as("retires_at"),
  lastUsedAddress: sql<string>`''`.as("last_used_address"),
  lastUsedCountry: sql<string>`''`.as("last_used_country"),
  lastUsedClient: sql<string>`''`.as("last_used_client"),
  deletionSeenAt: sql<null>`NULL`.as("deletion_seen_at"),
});

/** `ci`, `ci-2`, `ci-3`: the family's name with a number, cut to the longest allowed name. */
function nameOf({ name }: Request, suffix: string): SQL {
  if (name) return sql`${name}`;
  const number = sql`'-' || (${accessTokens.generation} + 1) || ${suffix}`;
  const family = sql`(SELECT first.name FROM access_tokens AS first WHERE first.id = coalesce(access_tokens.family_id, access_tokens.id))`;
  return sql`substr(${family}, 1, 40 - length(${number})) || ${number}`;
}

function refusal(row: TokenRow | undefined, now: number) {
  const state = row && stateOf(row, now);
  if (!row || state === "deleted") return notFound("Token");
  if (row.issuerId !== null) return conflict(EXCHANGED);
  if (row.successorId !== null) return conflict("the token already has a successor");
  if (state === "expired") return conflict("the token has expired");
  if (!row.mayRotateItself) return forbidden("This token does not have the permission to rotate itself.");
  return conflict("the token's predecessor is still valid");
}
