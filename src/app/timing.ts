import type { Context } from "hono";
import type { Env } from "./environment.ts";

/**
 * `Server-Timing` on every answer: where the identity came from and how old it was (`dur`, milliseconds), and how many
 * round trips to D1 the request waited for.
 */
export function markTiming(c: Context<Env>): void {
  const { request, credential } = c.var;
  const parts: string[] = [];
  if (credential) {
    const { cached, checkedAt } = credential.identity;
    parts.push(`identity;desc="${cached ? "cache" : "database"}";dur=${Math.max(0, request.now - checkedAt)}`);
  }
  parts.push(`d1;desc="${request.store.trips}"`);
  c.res.headers.set("Server-Timing", parts.join(", "));
}
