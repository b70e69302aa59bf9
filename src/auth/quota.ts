import type { RequestContext } from "../context.ts";
import { tooManyRequests } from "../errors.ts";
import { withinLimit } from "./limiter.ts";
import { type Sender, payerOf } from "./meter.ts";
import { recordTooMany } from "./refusals.ts";

/**
 * Limits for authenticated callers: requests and imports, of one token and of one organization (docs/decisions/0007). The platform's
 * limiters count them, separately in each location. Calls under the lease of a running update and calls of encryption are not counted: a
 * client that cannot make these calls loses a part of its state. Calls that end something (`stops`) are not counted either.
 */
export const isCounted = ({ drains, stops }: { drains?: boolean; stops?: boolean }): boolean => !drains && !stops;

/** Periods of the limiters in `wrangler.toml`, in seconds. */
const REQUESTS_PERIOD = 10;
const IMPORTS_PERIOD = 60;
/**
 * Number of requests of one caller in a period before this isolate asks the limiters. Callers with few requests never wait for a limiter.
 */
const UNASKED = 50;
const MOST_TOKENS = 10_000;

/** Requests of each token that this isolate received in this period. */
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

/** Counts a request that imports or creates a whole state. @throws 429 when its token or its organization makes too many */
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
  // A request that exceeds its token's limit does not count for the organization.
  const token = await withinLimit(ofToken, sender.actor.token.id);
  if (token && (!payer || (await withinLimit(ofOrganization, payer.id)))) return;
  const why = `this ${token ? "organization" : "token"} makes too many ${what}`;
  await recordTooMany(ctx, sender.actor, payer, why);
  throw tooManyRequests(seconds, why);
}
