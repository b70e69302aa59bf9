import { and, eq, sql } from "drizzle-orm";
import { circumstancesOf, editionFault, hasEverything } from "../auth/editions.ts";
import { withinLimit } from "../auth/limiter.ts";
import { retryAfterChange } from "../auth/retry.ts";
import { settingsColumns } from "../auth/settings.ts";
import type { RequestContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { AppError } from "../errors.ts";
import { organizations } from "../orgs/table.ts";
import { teams } from "../teams/table.ts";
import { users } from "../users/table.ts";
import { decideOn } from "./decide.ts";
import { type Owner, issueToken, unmet } from "./issue.ts";
import { readToken } from "./jwt.ts";
import { OAuthFault, asOAuth } from "./oauthFault.ts";
import type { ExchangedToken } from "./openapi.ts";
import { refusing } from "./refuse.ts";
import { type ExchangeRequest, readExchangeRequest } from "./request.ts";
import { verifyWithFreshKeys } from "./refresh.ts";
import { oidcIssuers } from "./table.ts";

/**
 * Exchanges a token of an identity provider for an access token (RFC 8693). The policy of its issuer decides which token the caller gets. Keys are read
 * from registered issuers only, so the token of an unknown issuer causes no outgoing call.
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
  return issueToken(ctx, { ...asked, org, issuer, owner, claims, ...decided }, trusted);
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
