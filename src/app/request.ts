import type { Context } from "hono";
import type { RequestContext } from "../context.ts";
import { openStore } from "../db/client.ts";
import { atPlace } from "../db/places.ts";
import { counting, noRoundTrips } from "../metrics/roundTrips.ts";
import { askStack, stackChanged } from "../coordinator/client.ts";
import { abortUpdates } from "../updates/abort.ts";
import type { Env } from "../http/environment.ts";
import { logError } from "../log.ts";

/** The parts of a request that are read once. */
export function requestContext(c: Context<Env>): RequestContext {
  const { executionCtx } = c;
  const { country, colo } = (c.req.raw.cf ?? {}) as { country?: string; colo?: string };
  const roundTrips = noRoundTrips();
  const env = counting(c.env, roundTrips);
  const context: RequestContext = {
    env,
    store: openStore(env),
    roundTrips,
    now: Date.now(),
    requestId: crypto.randomUUID(),
    address: c.req.header("CF-Connecting-IP") ?? "",
    country: country ?? "",
    colo: colo ?? "",
    userAgent: c.req.header("User-Agent") ?? "",
    background: (name, work) =>
      executionCtx.waitUntil(
        work(atPlace(c.env, context.store.place)).catch((error: unknown) =>
          logError(`${name} failed`, error, { requestId: context.requestId }),
        ),
      ),
    tokensEnded: (ended) => abortUpdates(context, ended),
    askStack: (name, question) => askStack(env, name, question),
    stackChanged: (name) => stackChanged(env, name),
  };
  return context;
}
