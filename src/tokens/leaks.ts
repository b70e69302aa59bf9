import { and, eq, isNull, sql } from "drizzle-orm";
import * as z from "zod/mini";
import { announce } from "../audit/announce.ts";
import { auditEvent, promiseIf, whoIs } from "../audit/record.ts";
import { addressKey } from "../auth/addressKey.ts";
import { failed } from "../auth/authenticate.ts";
import { withinLimit } from "../auth/limiter.ts";
import { forgetIdentities, readIdentity } from "../auth/resolve.ts";
import { hashTokenValue, peppersOf } from "../auth/secret.ts";
import type { RequestContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { forbidden, tooManyRequests } from "../errors.ts";
import { list, text } from "../http/bounded.ts";
import type { LeakReportTaken } from "./operations.ts";
import { isSignedByScanner } from "./scanner.ts";
import { accessTokens, leakReports } from "./table.ts";

/** Tokens that a scanner may report at once. */
const MOST = 100;

const found = z.object({
  token: text(200),
  url: z.nullish(text(2000)),
  source: z.nullish(text(100)),
});
export const ReportTokenLeakRequest = found;
export const ReportTokenLeaksRequest = list(found, MOST);

/** The same whatever was reported: it does not tell whether a token exists. */
const taken: LeakReportTaken = { message: "Thank you. If this is a token of ours, it does not work any more." };

/**
 * Anyone who holds a token's value may end its use: that needs no other right, and gives none. Counted by address, good
 * or bad, so that nobody guesses.
 * @throws 429 with Retry-After
 */
export async function reportTokenLeak(ctx: RequestContext, report: z.infer<typeof ReportTokenLeakRequest>) {
  if (!(await withinLimit(ctx.env.FAILED_CREDENTIALS, `leak ${addressKey(ctx.address)}`))) throw tooManyRequests(60);
  await disableFoundToken(ctx, report, "holder");
  return taken;
}

/**
 * A scanner that signs its reports may send many at once. Bad signatures are counted by address, so that nobody guesses.
 * @throws 403 for a signature that is not the scanner's, 429 after too many of them
 */
export async function reportTokenLeaks(
  ctx: RequestContext,
  reports: z.infer<typeof ReportTokenLeaksRequest>,
  text: string,
  headers: Headers,
) {
  if (!(await isSignedByScanner(ctx.env, text, headers)))
    throw await failed(ctx, forbidden("The report's signature is not that of a known scanner."));
  for (const report of reports) await disableFoundToken(ctx, report, report.source ?? "scanner");
  return taken;
}

/** Disables the token in the same transaction in which the report is written down. One that has ended stays as it is. */
async function disableFoundToken(ctx: RequestContext, { token, url }: z.infer<typeof found>, source: string): Promise<void> {
  const { store, now } = ctx;
  const hash = await hashTokenValue(peppersOf(ctx.env.TOKEN_PEPPER), token.trim());
  const holder = hash && (await readIdentity(store, hash, now));
  if (!holder) return;
  const { actor } = "dead" in holder ? holder.dead : holder.identity;
  if (!actor) return;

  const orgs = actor.kind === "user" ? actor.memberships.map((m) => m.org) : [actor.org];
  const events = orgs.map((org) =>
    auditEvent(ctx, org.id, whoIs(actor), {
      event: "token-leak-reported",
      description: `Disabled ${actor.kind === "user" ? "a personal token" : `${actor.kind} token "${actor.token.name}"`} (${actor.token.id}): it was found in the open by ${
        source === "holder" ? "someone who holds it" : source
      }.`,
    }),
  );
  const one = eq(accessTokens.hash, hash);
  const lives = and(one, isNull(accessTokens.deletedAt), sql`${accessTokens.disabledReason} IS NOT 'leaked'`);
  const isNews = sql`EXISTS (SELECT 1 FROM ${accessTokens} WHERE ${lives})`;
  await batch(store, [
    store.db
      .insert(leakReports)
      .select(
        sql`SELECT ${crypto.randomUUID()}, id, ${now}, ${source}, ${withoutValue(url ?? "", token)}, ${ctx.address} FROM ${accessTokens} WHERE ${lives}`,
      ),
    ...events.map((event) => promiseIf(store, event, isNews)),
    store.db
      .update(accessTokens)
      .set({
        disabledAt: sql`coalesce(${accessTokens.disabledAt}, ${now})`,
        disabledReason: "leaked",
        version: sql`${accessTokens.version} + 1`,
      })
      .where(lives),
  ]);
  await forgetIdentities(ctx.env.TOKEN_CACHE, [hash]);
  await ctx.tokensEnded({ tokenIds: [actor.token.id] });
  announce(ctx, ...events);
}

/** Where it was found may be the address of a page that has the value in it. */
const withoutValue = (url: string, token: string) => url.replaceAll(token.trim(), "pul-…");
