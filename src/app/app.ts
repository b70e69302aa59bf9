import { HonoBase } from "hono/hono-base";
import { LinearRouter } from "hono/router/linear-router";
import { markEmptyAnswer } from "./emptyAnswer.ts";
import { requestContext } from "./request.ts";
import { elsewhere } from "./elsewhere.ts";
import type { Env } from "../http/environment.ts";
import { AppError, badRequest } from "../errors.ts";
import { discard } from "../http/discard.ts";
import { logRequest } from "./logRequest.ts";
import { refusePlainHttp } from "./plainHttp.ts";
import { markTiming } from "./timing.ts";
import { answer } from "./parts.ts";
import { scimError } from "../scim/answer.ts";
import { isScimPath } from "../scim/path.ts";
import { logError } from "../log.ts";
import { requirePeppers } from "../auth/secret.ts";
import { requireSettings } from "../settings.ts";

/**
 * Hono runs the middleware; `answer` finds the route. `HonoBase` takes the router as an option, so two more routers are not in the bundle. All
 * paths here are `*`, which this router finds the fastest.
 */
export const app = new HonoBase<Env>({ strict: true, router: new LinearRouter() });

app.use(async (c, next) => {
  c.set("request", requestContext(c));
  c.set("params", {});
  const sent = c.req.raw;
  await next();
  logRequest(c);
  markTiming(c);
  markEmptyAnswer(c);
  c.res.headers.set("X-Pulumi-Request-ID", c.get("request").requestId);
  // Only documents about the deployment itself may be cached.
  if (!c.res.headers.has("Cache-Control")) c.res.headers.set("Cache-Control", "no-store");
  // Pages of the console set their own headers.
  if (!c.res.headers.has("Content-Security-Policy"))
    c.res.headers.set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  c.res.headers.set("Strict-Transport-Security", "max-age=31536000; includeSubDomains");
  c.res.headers.set("X-Content-Type-Options", "nosniff");
  c.res.headers.set("Referrer-Policy", "no-referrer");
  c.res.headers.set("Cross-Origin-Opener-Policy", "same-origin");
  c.res.headers.set("Cross-Origin-Resource-Policy", "same-origin");
  if (c.res.status >= 400 || !sent.bodyUsed) await discard(sent);
});

/** Maximum number of characters of a URL, which is Cloudflare's own limit. It also bounds parameters that no handler reads. */
const MAX_URL = 16 * 1024;

app.all("*", async (c) => {
  if (c.req.url.length > MAX_URL) throw new AppError(414, `URI Too Long: a URL has at most ${MAX_URL} characters`);
  // Reject an invalid Host header: the URL could not be parsed later.
  if (!URL.canParse(c.req.url)) throw badRequest("the host is not valid");
  const redirect = refusePlainHttp(c);
  if (redirect) return redirect;
  if (c.req.path !== "/healthz") {
    requireSettings(c.env);
    requirePeppers(c.env);
  }
  return (await answer(c)) ?? c.notFound();
});

app.notFound(elsewhere);

app.onError((error, c) => {
  if (error instanceof AppError) {
    c.set("reason", error.reason);
    if (isScimPath(c.req.path)) return scimError(error);
    for (const [name, value] of Object.entries(error.headers)) c.header(name, value);
    return c.json(error.toResponseBody(), error.status as 400);
  }
  // This is a bug. Its message may contain secrets, so it is logged and not returned.
  logError("unexpected error", error, { requestId: c.get("request")?.requestId });
  if (isScimPath(c.req.path)) return scimError(new AppError(500, "The server failed, and the error was logged."));
  return c.json({ code: 500, message: "Internal Server Error: the server failed, and the error was logged." }, 500);
});
