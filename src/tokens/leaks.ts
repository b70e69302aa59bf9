import { isNull, sql } from "drizzle-orm";
import * as z from "zod/mini";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, whoIs } from "../audit/record.ts";
import { addressKey } from "../auth/addressKey.ts";
import { countFailure } from "../auth/authenticate.ts";
import { withinLimit } from "../auth/limiter.ts";
import { readIdentity } from "../auth/identity.ts";
import { forgetIdentities } from "../auth/resolve.ts";
import { peppersOf, readTokenValue } from "../auth/secret.ts";
import { type RequestContext, acceptedOf } from "../context.ts";
import { batch, enterPlace } from "../db/client.ts";
import { forbidden, tooManyRequests } from "../errors.ts";
import { afterEnding, endBelow, readEnding } from "../lineage/end.ts";
import type { Descent } from "../lineage/ending.ts";
import { auditEnding, promisedEnding } from "../lineage/events.ts";
import { list, text } from "../http/bounded.ts";
import type { LeakReportTaken } from "./openapi.ts";
import { isSignedByScanner } from "./scanner.ts";
import { accessTokens, leakReports } from "./table.ts";

/** Maximum number of tokens that a scanner may report at once. */
const MOST_REPORTED = 100;

const found = z.object({
  token: text(200),
  url: z.nullish(text(2000)),
  source: z.nullish(text(100)),
});
export const ReportTokenLeakRequest = found;
export const ReportTokenLeaksRequest = list(found, MOST_REPORTED);

/** The same answer for every report, so that it does not reveal whether a token exists. */
const taken: LeakReportTaken = { message: "Thank you. If this is a token of this deployment, it is no longer valid." };

/**
 * Disables a token. Anyone who has its value may call this, and needs no other right. It is counted by address, valid or not, so
 * that values cannot be guessed.
 * @throws 429 with Retry-After
 */
export async function reportTokenLeak(ctx: RequestContext, report: z.infer<typeof ReportTokenLeakRequest>) {
  if (!(await withinLimit(ctx.env.FAILED_CREDENTIALS, `leak ${addressKey(ctx.address)}`))) throw tooManyRequests(60);
  await disableFoundToken(ctx, report, "holder");
  return taken;
}

/**
 * Accepts many reports at once from a scanner that signs them. Bad signatures are counted by address, so that they cannot be guessed.
 * @throws 403 for an invalid signature, 429 after too many of them
 */
export async function reportTokenLeaks(
  ctx: RequestContext,
  reports: z.infer<typeof ReportTokenLeaksRequest>,
  text: string,
  headers: Headers,
) {
  if (!(await isSignedByScanner(ctx.env, text, headers)))
    throw await countFailure(ctx, forbidden("The signature does not match any known scanner."));
  // A report that cannot be handled now, because a database does not answer, does not stop the others. The scanner sends all of them again.
  let failure: unknown;
  for (const report of reports)
    await disableFoundToken(ctx, report, report.source ?? "scanner").catch((error: unknown) => (failure ??= error));
  if (failure) throw failure;
  return taken;
}

/**
 * Disables the token in the transaction that records the report, and everything that descends from it. A token that had already ended is
 * marked as leaked and its descendants end as well, because a thief may have ended the token.
 */
async function disableFoundToken(ctx: RequestContext, { token, url }: z.infer<typeof found>, source: string): Promise<void> {
  const presented = await readTokenValue(peppersOf(ctx.env.TOKEN_PEPPER), token.trim());
  if (!presented) return;
  enterPlace(ctx, presented.place);
  const { store, now } = ctx;
  const { hash } = presented;
  const holder = await readIdentity(store, hash, now);
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
    more: ` It was found in public by ${source === "holder" ? "a holder of its value" : source}.`,
  };
  // A second report has no effect, because it no longer finds the token. The first report was enough, because a disabled token cannot
  // create anything.
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
    // This must be the last statement, because after it the condition no longer finds the root.
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

/** The address of a page where the token was found may contain the token's value. */
const withoutValue = (url: string, token: string) => url.replaceAll(token.trim(), "pul-…");
