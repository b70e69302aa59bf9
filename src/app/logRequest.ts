import type { Context } from "hono";
import { reasonOf } from "../errors.ts";
import { log } from "../log.ts";
import { countRefusal } from "../metrics/refusals.ts";
import type { Env } from "../http/environment.ts";

/**
 * Logs one line for each request when its answer is ready (a streamed body may still be sent), and counts refusals. The line contains no
 * names and no content: the route is the contract's pattern, and organizations, tokens and updates are ids.
 */
export function logRequest(c: Context<Env>): void {
  const [request, credential, lease] = [c.get("request"), c.get("credential"), c.get("lease")];
  const [route, reason] = [c.get("route"), c.get("reason")];
  const { status } = c.res;
  const why = status < 400 ? undefined : (reason ?? reasonOf(status));
  if (why) countRefusal(request, why);
  const identity = credential?.identity;
  log("request", {
    requestId: request.requestId,
    method: c.req.method,
    route: route ?? "none",
    status,
    reason: why,
    organization: credential?.org?.id ?? lease?.coordinator.split("/")[0],
    token: identity?.actor.token.id,
    update: lease?.updateId,
    identity: identity && (identity.cached ? "cache" : "database"),
    identityAge: identity && Math.max(0, request.now - identity.checkedAt),
    roundTrips: request.roundTrips,
    ms: Date.now() - request.now,
    colo: request.colo || undefined,
    country: request.country || undefined,
  });
}
