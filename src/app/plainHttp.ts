import type { Context } from "hono";
import { AppError } from "../errors.ts";
import type { Env } from "../http/environment.ts";

/**
 * Refuses a request over plain HTTP, because everybody on the network path can read its token; a page is redirected to HTTPS. Allowed only
 * for a server on the caller's own machine, or if the operator sets `ALLOW_PLAIN_HTTP`.
 * @returns a redirect for a page, undefined for a request that is allowed
 * @throws 400
 */
export function refusePlainHttp(c: Context<Env>): Response | undefined {
  const url = new URL(c.req.url);
  if (url.protocol !== "http:" || isLocal(url.hostname) || c.env.ALLOW_PLAIN_HTTP === "true") return undefined;
  url.protocol = "https:";
  const isApi = /^\/(api|scim|healthz)(\/|$)/i.test(url.pathname);
  if (!isApi && (c.req.method === "GET" || c.req.method === "HEAD")) return c.redirect(url.href, 308);
  throw new AppError(
    400,
    `Bad Request: plain HTTP is not accepted, use ${url.origin}. Replace an access token that was sent without TLS: others may have read it.`,
    { reason: "plain_http" },
  );
}

const isLocal = (hostname: string) => /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);
