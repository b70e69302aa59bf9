import { type SQL, and, eq, sql } from "drizzle-orm";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditStatement } from "../audit/record.ts";
import { circumstancesOf, editionFault, hasEverything } from "../auth/editions.ts";
import { withinLimit } from "../auth/limiter.ts";
import { lives } from "../auth/lives.ts";
import { retryAfterChange } from "../auth/retry.ts";
import { newTokenValue, peppersOf } from "../auth/secret.ts";
import { settingsColumns } from "../auth/settings.ts";
import type { OrganizationRef, RequestContext } from "../context.ts";
import { PreconditionFailed, UniqueViolation, batch, failUnless } from "../db/client.ts";
import { toHex } from "../bytes/base64.ts";
import { AppError } from "../errors.ts";
import { organizations } from "../orgs/table.ts";
import { findRole } from "../roles/builtIn.ts";
import { isForHolders } from "../roles/given.ts";
import { teams } from "../teams/table.ts";
import { accessTokens, tokenRoles } from "../tokens/table.ts";
import { users } from "../users/table.ts";
import { isMeantForUs } from "./audience.ts";
import type { Claims } from "./claims.ts";
import { type Outcome, type Wanted, evaluate } from "./evaluate.ts";
import type { IssuerRow } from "./issuer.ts";
import { readToken } from "./jwt.ts";
import { nameFor, runOf, subjectOf } from "./label.ts";
import { OAuthFault, asOAuth } from "./oauthFault.ts";
import type { ExchangedToken } from "./openapi.ts";
import { type Refusal, type Refuse, refusing } from "./refuse.ts";
import { type ExchangeRequest, readExchangeRequest } from "./request.ts";
import { verifyWithFreshKeys } from "./refresh.ts";
import { stackRulesFor } from "./stacks.ts";
import { type ExchangedKind, oidcIssuers, usedTokenIds } from "./table.ts";
import { tellOutcome } from "./tell.ts";

/** Most valid exchanged tokens of one issuer. */
const MOST_LIVING = 10_000;

/**
 * Exchanges a token of an identity provider for an access token (RFC 8693). Its issuer's policy decides which token comes. The caller needs no other
 * credential, so nothing is read for a token of an unknown issuer, and nothing is sent anywhere.
 * @throws OAuthFault, and nothing else that a request can cause
 */
export async function exchangeToken(ctx: RequestContext, request: Request): Promise<ExchangedToken> {
  try {
    const asked = await readExchangeRequest(request);
    // An issuer, a team or a membership may change while the token is checked.
    return await retryAfterChange(() => attempt(ctx, asked, new URL(request.url).origin));
  } catch (error) {
    throw error instanceof AppError ? asOAuth(error) : error;
  }
}

async function attempt(ctx: RequestContext, asked: ExchangeRequest, origin: string): Promise<ExchangedToken> {
  const token = readToken(asked.subjectToken);
  if (typeof token === "string") throw await refusing(ctx)({ code: "invalid_grant", told: token });
  const place = await findPlace(ctx, asked, token.issuer);
  const refuse = refusing(ctx, place);
  const { org, issuer, owner } = place;
  if (!org || !issuer)
    throw await refuse({
      code: "invalid_grant",
      told: "The organization does not accept tokens of this issuer.",
      detail: `no issuer "${token.issuer.slice(0, 200)}" is registered`,
    });
  if (issuer.disabledAt !== null)
    throw await refuse({ code: "invalid_grant", told: "The issuer is disabled: an administrator has to set its policy again." });

  const verified = await verifyWithFreshKeys(ctx, asked.subjectToken, issuer);
  if (verified === "no-keys")
    throw new OAuthFault("temporarily_unavailable", "The keys of the issuer are not available.", 503, { "Retry-After": "30" });
  if ("fault" in verified) throw await refuse({ code: "invalid_grant", told: `The token is not accepted: ${verified.why}.` });
  const { claims } = verified;
  const trusted = refusing(ctx, place, claims);
  if (!(await withinLimit(ctx.env.TOKEN_EXCHANGES, issuer.id)))
    throw await trusted({ code: "temporarily_unavailable", told: "The issuer exchanges too many tokens, try again later.", status: 429 });

  const fault = editionFault(asked.wanted.tokenType === "team" ? "team:create_token" : "org_token:create");
  const { defaultEdition } = circumstancesOf(ctx);
  if (asked.wanted.tokenType !== "personal" && fault && !hasEverything(org.settings, defaultEdition, ctx.now))
    throw await trusted({ code: "invalid_grant", told: fault.message });
  const decided = decideOn(issuer, asked.wanted, claims, org.name, origin);
  if ("code" in decided) throw await trusted(decided);
  if (asked.wanted.tokenType !== "organization" && !owner)
    throw await trusted({ code: "invalid_grant", told: unmet[asked.wanted.tokenType]! });
  return issue(ctx, { ...asked, org, issuer, owner, claims, ...decided }, trusted);
}

/** The team or the person that a token is for. */
interface Owner {
  id: string;
  /** The name as it is written where it was created. */
  name: string;
  fullName: string;
}

/**
 * The organization of a name, its issuer of a token, and the team or person that the token shall be for. All are one look-up, so that an unknown
 * organization takes no less time.
 */
async function findPlace(ctx: RequestContext, { orgName, wanted: { tokenType, name } }: ExchangeRequest, iss: string) {
  const { db } = ctx.store;
  const named = eq(organizations.name, orgName);
  const orgId = sql`(SELECT organizations.id FROM organizations WHERE ${named})`;
  const [orgs, issuers, ofTeam, ofPerson] = await batch(ctx.store, [
    db.select({ id: organizations.id, name: organizations.name, settings: settingsColumns }).from(organizations).where(named),
    db
      .select()
      .from(oidcIssuers)
      .where(and(eq(oidcIssuers.issuer, iss), sql`${oidcIssuers.orgId} = ${orgId}`)),
    db
      .select({ id: teams.id, name: teams.name, fullName: teams.displayName })
      .from(teams)
      .where(sql`${teams.orgId} = ${orgId} AND lower(${teams.name}) = lower(${tokenType === "team" ? name : ""})`),
    db
      .select({ id: users.id, name: users.login, fullName: users.name })
      .from(users)
      .where(sql`lower(${users.login}) = lower(${tokenType === "personal" ? name : ""})`),
  ]);
  const owner: Owner | undefined = ofTeam[0] ?? ofPerson[0];
  return { org: orgs[0], issuer: issuers[0], owner };
}

/** What the policy gives: the role of an organization token, and the stacks. */
export interface Given {
  roleID: string | null;
  stackRules: (typeof accessTokens.$inferSelect)["stackRules"];
  by: number[];
}

/** The audience first, because the rules of a policy do not have to name it. Pure. */
export function decideOn(issuer: IssuerRow, wanted: Wanted, claims: Claims, orgName: string, origin: string): Given | Refusal {
  if (!isMeantForUs(claims, issuer, orgName, origin))
    return {
      code: "invalid_grant",
      told: `The token is not meant for this service: its audience (aud) must be urn:pulumi:org:${orgName}, or one that the issuer's settings list.`,
    };
  const outcome: Outcome = evaluate(issuer.policies, wanted, claims);
  if (!outcome.allowed)
    return {
      code: outcome.why === "roles" ? "invalid_request" : "invalid_grant",
      told:
        outcome.why === "roles" ? "Several policies match, and they give different roles." : "No policy of the issuer allows this token.",
      detail: tellOutcome(issuer.policies, wanted, claims, outcome),
    };
  const stacks = outcome.stacks === null ? { rules: null } : stackRulesFor(outcome.stacks, claims);
  if ("unusable" in stacks)
    return {
      code: "invalid_grant",
      told: "A claim of the token cannot be part of the name of a stack.",
      detail: `the claim ${stacks.unusable} is not a name that a pattern of the policy can use`,
    };
  return { roleID: outcome.roleID, stackRules: stacks.rules, by: outcome.by };
}

interface Issue extends ExchangeRequest, Given {
  org: OrganizationRef;
  issuer: IssuerRow;
  owner: Owner | undefined;
  claims: Claims;
}

/**
 * Creates the token with its audit event, if the issuer, and the team, the person or the role that the token is about, are still there.
 * @throws PreconditionFailed when something has changed meanwhile
 */
async function issue(ctx: RequestContext, asked: Issue, refuse: Refuse): Promise<ExchangedToken> {
  const { org, issuer, owner, claims, stackRules } = asked;
  const { tokenType } = asked.wanted;
  const { value, hash } = await newTokenValue(peppersOf(ctx.env.TOKEN_PEPPER));
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
  const needs = needsOf(org.id, issuer, asked.wanted.tokenType, owner, role.roleId, ctx.now);
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
      db.update(oidcIssuers).set({ lastUsedAt: ctx.now }).where(eq(oidcIssuers.id, issuer.id)),
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
  relaySoon(ctx, event);
  return { access_token: value, issued_token_type: asked.requestedType, token_type: "token", expires_in: seconds, scope: asked.scope };
}

/** The role of the row: a custom one stands beside the built-in one that is closest. */
function roleOf(orgId: string, roleID: string | null): Pick<typeof accessTokens.$inferSelect, "role" | "roleId"> {
  if (roleID === null) return { role: "member", roleId: null };
  const builtIn = tokenRoles.find((role) => role === findRole(orgId, roleID));
  return builtIn ? { role: builtIn, roleId: null } : { role: "member", roleId: roleID };
}

/** SQL conditions of an exchange, by what is wrong when one does not hold. */
function needsOf(
  orgId: string,
  issuer: IssuerRow,
  tokenType: ExchangedKind,
  owner: Owner | undefined,
  roleId: string | null,
  now: number,
): Record<string, SQL> {
  const living = and(eq(accessTokens.issuerId, issuer.id), lives(now));
  return {
    changed: sql`EXISTS (SELECT 1 FROM ${oidcIssuers} WHERE ${eq(oidcIssuers.id, issuer.id)} AND ${eq(oidcIssuers.version, issuer.version)})`,
    many: sql`(SELECT count(*) FROM (SELECT 1 FROM ${accessTokens} WHERE ${living} LIMIT ${MOST_LIVING})) < ${MOST_LIVING}`,
    ...(tokenType === "team" && { team: sql`EXISTS (SELECT 1 FROM teams WHERE id = ${owner?.id} AND org_id = ${orgId})` }),
    ...(tokenType === "personal" && {
      personal: sql`EXISTS (SELECT 1 FROM members WHERE org_id = ${orgId} AND user_id = ${owner?.id} AND accepted_at IS NOT NULL)`,
    }),
    ...(roleId !== null && { role: sql`EXISTS (SELECT 1 FROM roles WHERE id = ${roleId} AND org_id = ${orgId} AND ${isForHolders})` }),
  };
}

const unmet: Record<string, string> = {
  many: `The issuer has ${MOST_LIVING} valid exchanged tokens, which is the most.`,
  team: "There is no such team in the organization.",
  personal: "There is no such person in the organization, or the person has not accepted the membership.",
  role: "The role that the policy gives does not exist any more.",
};

/** Refuses an exchange by the first condition that does not hold. If only the issuer has changed, the exchange is tried again. */
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
  return { issuerId, hash, expiresAt: Number(exp) * 1000 };
}
