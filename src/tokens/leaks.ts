import { isNull, sql } from "drizzle-orm";
import * as z from "zod/mini";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, whoIs } from "../audit/record.ts";
import { addressKey } from "../auth/addressKey.ts";
import { countFailure } from "../auth/authenticate.ts";
import { withinLimit } from "../auth/limiter.ts";
import { forgetIdentities, readIdentity } from "../auth/resolve.ts";
import { hashTokenValue, peppersOf } from "../auth/secret.ts";
import { type RequestContext, acceptedOf } from "../context.ts";
import { batch } from "../db/client.ts";
import { forbidden, tooManyRequests } from "../errors.ts";
import { afterEnding, endBelow, readEnding } from "../lineage/end.ts";
import type { Descent } from "../lineage/ending.ts";
import { auditEnding, promisedEnding } from "../lineage/events.ts";
import { list, text } from "../http/bounded.ts";
import type { LeakReportTaken } from "./openapi.ts";
import { isSignedByScanner } from "./scanner.ts";
import { accessTokens, leakReports } from "./table.ts";

/** Tokens that a scanner may report at once. */
const MOST_REPORTED = 100;

const found = z.object({
  token: text(200),
  url: z.nullish(text(2000)),
  source: z.nullish(text(100)),
});
export const ReportTokenLeakRequest = found;
export const ReportTokenLeaksRequest = list(found, MOST_REPORTED);

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
    throw await countFailure(ctx, forbidden("The report's signature is not that of a known scanner."));
  for (const report of reports) await disableFoundToken(ctx, report, report.source ?? "scanner");
  return taken;
}

/**
 * Disables the token in the transaction in which the report is recorded, and everything that descends from it. A token that had ended is marked as
 * leaked, and what it made ends all the same: a thief can end the token, too.
 */
async function disableFoundToken(ctx: RequestContext, { token, url }: z.infer<typeof found>, source: string): Promise<void> {
  const { store, now } = ctx;
  const hash = await hashTokenValue(peppersOf(ctx.env.TOKEN_PEPPER), token.trim());
  const holder = hash && (await readIdentity(store, hash, now));
  if (!holder) return;
  const { actor } = "dead" in holder ? holder.dead : holder.identity;
  if (!actor) return;

  const { id, name } = actor.token;
  const kind = "dead" in holder ? holder.dead.kind : holder.identity.kind;
  const what = actor.kind === "user" ? `a ${kind === "session" ? "session" : "personal token"}` : `${actor.kind} token "${name}"`;
  const announcement = {
    event: auditEvent(ctx, "", whoIs(actor), { event: "token-leak-reported", description: "" }),
    orgIds: actor.kind === "user" ? acceptedOf(actor).map(({ org }) => org.id) : [actor.org.id],
    sentence: sql`${`Disabled ${what} (${id})`}`,
    more: ` It was found in the open by ${source === "holder" ? "someone who holds it" : source}.`,
  };
  // A second report finds no root, and so nothing below it: once is enough, for what is dead makes nothing.
  const isNews = sql`(${accessTokens.hash} = ${hash} AND ${accessTokens.disabledReason} IS NOT 'leaked')`;
  const descent: Descent = { roots: isNews, how: "disable", now, adminOf: [] };
  const rootsEnd = sql`EXISTS (SELECT 1 FROM ${accessTokens} WHERE ${isNews} AND ${isNull(accessTokens.deletedAt)})`;
  const [rows, lost] = await batch(store, [
    ...readEnding(store, descent),
    auditEnding(store, descent, { ...announcement, rootsEnd }),
    store.db
      .insert(leakReports)
      .select(
        sql`SELECT ${crypto.randomUUID()}, id, ${now}, ${source}, ${withoutValue(url ?? "", token)}, ${ctx.address} FROM ${accessTokens} WHERE ${isNews}`,
      ),
    ...endBelow(store, descent),
    // The last one: until here the condition finds the root.
    store.db
      .update(accessTokens)
      .set({
        disabledAt: sql`coalesce(${accessTokens.disabledAt}, ${now})`,
        disabledReason: "leaked",
        version: sql`${accessTokens.version} + 1`,
      })
      .where(isNews),
  ]);
  await forgetIdentities(ctx.env.TOKEN_CACHE, [hash]);
  await afterEnding(ctx, rows, lost, { tokenIds: [id], leaked: true });
  relaySoon(ctx, ...promisedEnding(announcement, rows));
}

/** Where it was found may be the address of a page that has the value in it. */
const withoutValue = (url: string, token: string) => url.replaceAll(token.trim(), "pul-…");
