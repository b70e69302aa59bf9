import { circumstancesOf, editionFault, hasEverything } from "../auth/editions.ts";
import { withinLimit } from "../auth/limiter.ts";
import { retryAfterChange } from "../auth/retry.ts";
import type { RequestContext } from "../context.ts";
import { PreconditionFailed, enterPlace } from "../db/client.ts";
import { placeOf } from "../db/places.ts";
import { AppError } from "../errors.ts";
import { originOf } from "../http/origin.ts";
import { decideOn } from "./decide.ts";
import { issueToken, unmet } from "./issue.ts";
import { readToken } from "./jwt.ts";
import { OAuthFault, asOAuth } from "./oauthFault.ts";
import type { ExchangedToken } from "./openapi.ts";
import { findPlace, forgetPlace, rememberPlace, rememberedPlace } from "./place.ts";
import { refusing } from "./refuse.ts";
import { type ExchangeRequest, readExchangeRequest } from "./request.ts";
import { verifyWithFreshKeys } from "./refresh.ts";
import { verifyToken } from "./verify.ts";

/**
 * Exchanges a token of an identity provider for an access token (RFC 8693). The policy of its issuer decides which token the caller gets. Keys are read
 * from registered issuers only, so the token of an unknown issuer causes no outgoing call.
 * @throws OAuthFault, and nothing else that a request can cause
 */
export async function exchangeToken(ctx: RequestContext, request: Request): Promise<ExchangedToken> {
  try {
    const asked = await readExchangeRequest(request);
    const origin = originOf(ctx.env, request);
    // An issuer, a team or a membership may change while the token is checked.
    return await retryAfterChange((fresh) => attempt(ctx, asked, origin, fresh));
  } catch (error) {
    throw error instanceof AppError ? asOAuth(error) : error;
  }
}

/**
 * Tries an exchange with the remembered place of an earlier one, or with what the database has now. A remembered place is never a reason to
 * refuse, and the batch that creates the token fails if the place has changed. In both cases the exchange is tried again with `fresh`.
 */
async function attempt(ctx: RequestContext, asked: ExchangeRequest, origin: string, fresh: boolean): Promise<ExchangedToken> {
  const token = readToken(asked.subjectToken);
  if (typeof token === "string") throw await refusing(ctx)({ code: "invalid_grant", told: token });
  if (fresh) forgetPlace(asked, token.issuer);
  const remembered = rememberedPlace(asked, token.issuer, ctx.now);
  if (remembered) enterPlace(ctx, placeOf(remembered.org.id));
  const { org, issuer, owner } = remembered ?? (await findPlace(ctx, asked, token.issuer));
  const refuse = remembered ? refusedByMemory : refusing(ctx, { org, issuer });
  if (!org || !issuer)
    throw await refuse({
      code: "invalid_grant",
      told: "The organization does not accept tokens of this issuer.",
      detail: `no issuer "${token.issuer.slice(0, 200)}" is registered`,
    });
  if (issuer.disabledAt !== null)
    throw await refuse({ code: "invalid_grant", told: "The issuer is disabled: an administrator has to set its policy again." });

  const verified = await (remembered ? verifyToken : verifyWithFreshKeys)(ctx, asked.subjectToken, issuer);
  if (verified === "no-keys")
    throw new OAuthFault("temporarily_unavailable", "The keys of the issuer are not available.", 503, { "Retry-After": "30" });
  if ("fault" in verified) throw await refuse({ code: "invalid_grant", told: `The token is not accepted: ${verified.why}.` });
  const { claims, by } = verified;
  const trusted = remembered ? refusedByMemory : refusing(ctx, { org, issuer }, claims);
  // An exchange that is tried again was counted.
  if (!fresh && !(await withinLimit(ctx.env.TOKEN_EXCHANGES, issuer.id)))
    throw await refusing(
      ctx,
      { org, issuer },
      claims,
    )({
      code: "temporarily_unavailable",
      told: "The issuer exchanges too many tokens, try again later.",
      status: 429,
    });

  const fault = editionFault(asked.wanted.tokenType === "team" ? "team:create_token" : "org_token:create");
  const { defaultEdition } = circumstancesOf(ctx);
  if (asked.wanted.tokenType !== "personal" && fault && !hasEverything(org.settings, defaultEdition, ctx.now))
    throw await trusted({ code: "invalid_grant", told: fault.message });
  const decided = decideOn(issuer, asked.wanted, claims, org.name, origin);
  if ("code" in decided) throw await trusted(decided);
  if (asked.wanted.tokenType !== "organization" && !owner)
    throw await trusted({ code: "invalid_grant", told: unmet[asked.wanted.tokenType]! });
  const place = { org, issuer: { ...issuer, ...by }, owner };
  const answer = await issueToken(ctx, { ...asked, ...place, claims, ...decided, isRemembered: remembered !== undefined }, trusted);
  if (!remembered) rememberPlace(asked, token.issuer, place, ctx.now);
  return answer;
}

const refusedByMemory = async () => new PreconditionFailed();
