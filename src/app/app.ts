import { HonoBase } from "hono/hono-base";
import { HTTPException } from "hono/http-exception";
import { TrieRouter } from "hono/router/trie-router";
import { markEmptyAnswer } from "./emptyAnswer.ts";
import { requestContext } from "./request.ts";
import type { Env } from "./environment.ts";
import { AppError, badRequest, notFound } from "../errors.ts";
import { discard } from "../http/discard.ts";
import { register } from "./register.ts";
import { pages } from "../console/pages.ts";
import { missingPage, registerPages } from "../console/page.tsx";
import { logRequest } from "./logRequest.ts";
import { markTiming } from "./timing.ts";
import { routes } from "./routes.ts";
import { logError } from "../log.ts";
import { requireSettings } from "../settings.ts";

/**
 * `Hono` would bring two more routers, and at the first request of each isolate try the faster one, which does not take a name and a parameter
 * in one place.
 */
export const app = new HonoBase<Env>({ strict: true, router: new TrieRouter() });

app.use(async (c, next) => {
  c.set("request", requestContext(c));
  const sent = c.req.raw;
  await next();
  logRequest(c);
  markTiming(c);
  markEmptyAnswer(c);
  c.res.headers.set("X-Pulumi-Request-ID", c.get("request").requestId);
  c.res.headers.set("Cache-Control", "no-store");
  // A page of the console brings its own.
  if (!c.res.headers.has("Content-Security-Policy"))
    c.res.headers.set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  c.res.headers.set("Strict-Transport-Security", "max-age=31536000; includeSubDomains");
  c.res.headers.set("X-Content-Type-Options", "nosniff");
  c.res.headers.set("Referrer-Policy", "no-referrer");
  c.res.headers.set("Cross-Origin-Opener-Policy", "same-origin");
  c.res.headers.set("Cross-Origin-Resource-Policy", "same-origin");
  if (c.res.status >= 400 || !sent.bodyUsed) await discard(sent);
});

// A host that is none makes an address that is none, and what reads addresses would stumble over it.
app.use(async (c, next) => {
  if (!URL.canParse(c.req.url)) throw badRequest("the host is not valid");
  await next();
});

app.use(async (c, next) => {
  if (c.req.path !== "/healthz") requireSettings(c.env);
  await next();
});

register(app, routes);
registerPages(app, pages);

app.notFound((c) => {
  const api = c.req.path === "/api" || c.req.path.startsWith("/api/");
  if (!api && c.req.method === "GET" && c.req.header("Accept")?.includes("text/html")) return missingPage(c);
  return c.json(notFound(`'${c.req.method} ${c.req.path.slice(0, 200)}'`).toResponseBody(), 404);
});

app.onError((error, c) => {
  const refusal = asAppError(error);
  if (refusal) {
    c.set("reason", refusal.reason);
    for (const [name, value] of Object.entries(refusal.headers)) c.header(name, value);
    return c.json(refusal.toResponseBody(), refusal.status as 400);
  }
  // A bug. Its own message may hold anything, so it goes to the log and not to the caller.
  logError("unexpected error", error, { requestId: c.get("request")?.requestId });
  return c.json({ code: 500, message: "Internal Server Error: this is our fault, and it was logged." }, 500);
});

function asAppError(error: Error): AppError | undefined {
  if (error instanceof AppError) return error;
  // Of zod-validator, for a body that is no JSON.
  if (error instanceof HTTPException) return new AppError(error.status, error.message);
  return undefined;
}
