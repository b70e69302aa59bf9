import type { RequestContext } from "../context.ts";
import { tooManyRequests } from "../errors.ts";
import { withinLimit } from "./limiter.ts";
import { type Sender, payerOf } from "./meter.ts";
import { recordTooMany } from "./refusals.ts";

/**
 * Limits on callers whose credential is good: requests and imports, of one token and of one organization (docs/decisions/0007). They are
 * counted by the platform's limiters, in each location for itself. What a running update needs is not counted: the calls under its lease,
 * and encryption. A client that is refused them loses a part of its state. Nor are the calls that end something (`stops`).
 */
export const isCounted = ({ drains, stops }: { drains?: boolean; stops?: boolean }): boolean => !drains && !stops;

/** The periods of the limiters in `wrangler.toml`. Seconds. */
const REQUESTS_PERIOD = 10;
const IMPORTS_PERIOD = 60;
/** An isolate asks the limiters about a caller who has made so many requests in a period. Callers who make few wait for nothing. */
const UNASKED = 50;
const MOST_TOKENS = 10_000;

/** Requests of each token that came to this isolate in this period. */
const seen = new Map<string, number>();
let period = 0;

function countSeen(tokenId: string, now: number): number {
  const current = Math.floor(now / (REQUESTS_PERIOD * 1000));
  if (current !== period || seen.size >= MOST_TOKENS) seen.clear();
  period = current;
  const count = (seen.get(tokenId) ?? 0) + 1;
  seen.set(tokenId, count);
  return count;
}

/** Counts a request. @throws 429 when its token or its organization makes too many */
export async function requireRequestQuota(ctx: RequestContext, sender: Sender): Promise<void> {
  if (countSeen(sender.actor.token.id, ctx.now) <= UNASKED) return;
  const { TOKEN_REQUESTS, ORGANIZATION_REQUESTS } = ctx.env;
  await requireWithin(ctx, sender, TOKEN_REQUESTS, ORGANIZATION_REQUESTS, "requests", REQUESTS_PERIOD);
}

/** Counts a request that brings or makes a whole state. @throws 429 when its token or its organization makes too many */
export async function requireImportQuota(ctx: RequestContext, sender: Sender): Promise<void> {
  const { TOKEN_IMPORTS, ORGANIZATION_IMPORTS } = ctx.env;
  await requireWithin(ctx, sender, TOKEN_IMPORTS, ORGANIZATION_IMPORTS, "imports", IMPORTS_PERIOD);
}

async function requireWithin(
  ctx: RequestContext,
  sender: Sender,
  ofToken: RateLimit,
  ofOrganization: RateLimit,
  what: "requests" | "imports",
  seconds: number,
): Promise<void> {
  const payer = payerOf(sender);
  // What a token may not do does not count for its organization.
  const token = await withinLimit(ofToken, sender.actor.token.id);
  if (token && (!payer || (await withinLimit(ofOrganization, payer.id)))) return;
  const why = `this ${token ? "organization" : "token"} makes too many ${what}`;
  await recordTooMany(ctx, sender.actor, payer, why);
  throw tooManyRequests(seconds, why);
}
