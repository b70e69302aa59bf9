import type { Context } from "hono";
import type { Env } from "../http/environment.ts";

/**
 * Gives an answer without a body a content type that proxies do not compress. The development proxy marks an empty answer of any other
 * type, or of none, as gzip, and the CLI fails to inflate it (platform-facts W-26).
 */
export function markEmptyAnswer(c: Context<Env>): void {
  if (c.req.method !== "HEAD" && c.res.body !== null) return;
  c.res.headers.set("Content-Type", "application/octet-stream");
  c.res.headers.delete("Content-Encoding");
}
