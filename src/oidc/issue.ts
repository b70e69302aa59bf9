import { type SQL, and, eq, gt, isNull, sql } from "drizzle-orm";
import { relayStoredSoon } from "../audit/relaySoon.ts";
import { auditEvent, auditStatement } from "../audit/record.ts";
import { newTokenValue, peppersOf } from "../auth/secret.ts";
import { toHex } from "../bytes/base64.ts";
import { settingsAreUnchanged } from "../auth/settings.ts";
import type { RequestContext } from "../context.ts";
import { PreconditionFailed, UniqueViolation, batch, failUnless } from "../db/client.ts";
import { findRole } from "../roles/builtIn.ts";
import { isForHolders } from "../roles/given.ts";
import { accessTokens, tokenRoles } from "../tokens/table.ts";
import type { Claims } from "./claims.ts";
import type { Given } from "./decide.ts";
import { nameFor, runOf, subjectOf } from "./label.ts";
import type { ExchangedToken } from "./openapi.ts";
import type { Place } from "./place.ts";
import type { Refuse } from "./refuse.ts";
import type { ExchangeRequest } from "./request.ts";
import { type ExchangedKind, oidcIssuers, usedTokenIds } from "./table.ts";

/** Maximum number of valid exchanged tokens of one issuer. */
const MOST_LIVING = 10_000;

interface Issue extends ExchangeRequest, Given, Place {
  claims: Claims;
  /**
   * Whether the place comes from an exchange of this isolate in the last minute, which counted the valid tokens and stored the use of the
   * issuer.
   */
  isRemembered: boolean;
}

/**
 * Creates the token with its audit event, if the organization's settings, the issuer and its keys are unchanged, and the team, the person or the role that
 * the token is about are still there. All of it is one transaction.
 * @throws PreconditionFailed when something has changed meanwhile
 */
export async function issueToken(ctx: RequestContext, asked: Issue, refuse: Refuse): Promise<ExchangedToken> {
  const { org, issuer, owner, claims, stackRules } = asked;
  const { tokenType } = asked.wanted;
  const { value, hash } = await newTokenValue(peppersOf(ctx.env.TOKEN_PEPPER), ctx.store.place);
  const id = crypto.randomUUID();
  const seconds = Math.min(asked.expiration, issuer.maxExpiration);
  const name = nameFor(issuer.name, claims);
  const run = runOf(issuer.issuer, claims);
  const role = roleOf(org.id, asked.roleID);
  const used = issuer.singleUse ? await usedId(issuer.id, claims) : undefined;
  if (issuer.singleUse && !used)
    throw await refuse({ code: "invalid_grant", told: "The token has no id (jti), and the issuer's tokens can be exchanged only once." });

  const isPersonal = tokenType === "personal";
  const who = isPersonal ? { userLogin: owner!.name, userName: owner!.fullName } : { userLogin: org.name, userName: org.name };
  const what = `${tokenType} token${owner ? ` of ${isPersonal ? owner.name : `team "${owner.name}"`}` : ""} "${name}" (${id})`;
  const more = `${asked.roleID ? ` with the role ${asked.roleID}` : ""}, by policy ${asked.by.map((place) => place + 1).join(", ")}`;
  const event = auditEvent(
    ctx,
    org.id,
    { ...who, tokenId: id, tokenName: name },
    {
      event: `${tokenType}-token-created-for-oidc-issuer`,
      description: `Exchanged a token of "${issuer.name}" (${issuer.id}) for ${tokenType === "organization" ? "an" : "a"} ${what}${more}. Subject: ${subjectOf(claims)}.${run && ` Run: ${run}.`}`,
    },
  );
  const needs = needsOf(asked, tokenType, role.roleId, ctx.now);
  const { db } = ctx.store;
  try {
    await batch(ctx.store, [
      db.select({ holds: failUnless(sql.join(Object.values(needs), sql` AND `)) }).from(sql`(SELECT 1)`),
      ...(used ? [db.insert(usedTokenIds).values(used)] : []),
      db.insert(accessTokens).values({
        id,
        kind: tokenType,
        ...(isPersonal ? { userId: owner!.id, onlyOrgId: org.id } : { orgId: org.id }),
        ...(tokenType === "team" && { teamId: owner!.id, team: owner!.name }),
        name,
        description: run,
        hash,
        ...role,
        createdAt: ctx.now,
        createdBy: issuer.name,
        madeWith: issuer.madeWith,
        expiresAt: ctx.now + seconds * 1000,
        stackRules,
        issuerId: issuer.id,
        subject: subjectOf(claims),
      }),
      auditStatement(ctx.store, event),
      ...(asked.isRemembered ? [] : [db.update(oidcIssuers).set({ lastUsedAt: ctx.now }).where(eq(oidcIssuers.id, issuer.id))]),
    ]);
  } catch (error) {
    if (error instanceof UniqueViolation && used)
      throw await refuse({
        code: "invalid_grant",
        told: "The token was exchanged before, and the issuer's tokens can be exchanged only once.",
      });
    if (error instanceof PreconditionFailed) await explain(ctx, needs, refuse);
    throw error;
  }
  relayStoredSoon(ctx, event);
  return { access_token: value, issued_token_type: asked.requestedType, token_type: "token", expires_in: seconds, scope: asked.scope };
}

/** The role of the row: a row with a custom role also has the closest built-in role. */
function roleOf(orgId: string, roleID: string | null): Pick<typeof accessTokens.$inferSelect, "role" | "roleId"> {
  if (roleID === null) return { role: "member", roleId: null };
  const builtIn = tokenRoles.find((role) => role === findRole(orgId, roleID));
  return builtIn ? { role: builtIn, roleId: null } : { role: "member", roleId: roleID };
}

/** SQL conditions of an exchange, by the fault that each one shows when it does not hold. */
function needsOf(
  { org, issuer, owner, isRemembered }: Issue,
  tokenType: ExchangedKind,
  roleId: string | null,
  now: number,
): Record<string, SQL> {
  const orgId = org.id;
  // Only these columns are selected, because one index contains them all.
  const living = and(eq(accessTokens.issuerId, issuer.id), isNull(accessTokens.deletedAt), gt(accessTokens.expiresAt, now));
  return {
    changed: sql`EXISTS (SELECT 1 FROM ${oidcIssuers} WHERE ${eq(oidcIssuers.id, issuer.id)} AND ${eq(oidcIssuers.version, issuer.version)}
      AND ${eq(oidcIssuers.fetchedAt, issuer.fetchedAt)})
      AND ${settingsAreUnchanged(orgId, org.settings)}`,
    ...(!isRemembered && {
      many: sql`(SELECT count(*) FROM (SELECT 1 FROM ${accessTokens} WHERE ${living} LIMIT ${MOST_LIVING})) < ${MOST_LIVING}`,
    }),
    ...(tokenType === "team" && { team: sql`EXISTS (SELECT 1 FROM teams WHERE id = ${owner?.id} AND org_id = ${orgId})` }),
    ...(tokenType === "personal" && {
      personal: sql`EXISTS (SELECT 1 FROM members WHERE org_id = ${orgId} AND user_id = ${owner?.id} AND accepted_at IS NOT NULL)`,
    }),
    ...(roleId !== null && { role: sql`EXISTS (SELECT 1 FROM roles WHERE id = ${roleId} AND org_id = ${orgId} AND ${isForHolders})` }),
  };
}

export const unmet: Record<string, string> = {
  many: `The issuer has ${MOST_LIVING} valid exchanged tokens, which is the most.`,
  team: "There is no such team in the organization.",
  personal: "There is no such person in the organization, or the person has not accepted the membership.",
  role: "The role that the policy gives does not exist any more.",
};

/** Refuses an exchange by the first condition that does not hold. If only the issuer or the settings have changed, it is tried again. */
async function explain(ctx: RequestContext, needs: Record<string, SQL>, refuse: Refuse): Promise<void> {
  const names = Object.keys(needs);
  const fields = Object.fromEntries(names.map((name) => [name, sql<number>`${needs[name]!}`.as(`is_${name}`)]));
  const [rows] = await batch(ctx.store, [ctx.store.db.select(fields).from(sql`(SELECT 1)`)]);
  const failed = names.find((name) => name !== "changed" && !rows[0]?.[name]);
  if (failed !== undefined) throw await refuse({ code: "invalid_grant", told: unmet[failed]! });
}

/** The row that shows that a token was exchanged; undefined for a token without an id. */
async function usedId(issuerId: string, claims: Claims): Promise<typeof usedTokenIds.$inferInsert | undefined> {
  const { jti, exp } = claims;
  if (typeof jti !== "string" || jti === "") return undefined;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(jti));
  const hash = toHex(digest);
  // A claim may be a number that the database cannot store.
  return { issuerId, hash, expiresAt: Math.min(Number(exp) * 1000, Number.MAX_SAFE_INTEGER) };
}
