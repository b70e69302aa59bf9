import type { Context } from "hono";
import { roundTripsText } from "../metrics/roundTrips.ts";
import type { Env } from "../http/environment.ts";

/**
 * Adds `Server-Timing` to every answer: the source of the identity and its age (`dur`, milliseconds), and the number of round trips to
 * storage that the request waited for.
 */
export function markTiming(c: Context<Env>): void {
  const request = c.get("request");
  const credential = c.get("credential");
  const parts: string[] = [];
  if (credential) {
    const { cached, checkedAt } = credential.identity;
    parts.push(`identity;desc="${cached ? "cache" : "database"}";dur=${Math.max(0, request.now - checkedAt)}`);
  }
  parts.push(roundTripsText(request.roundTrips));
  c.res.headers.set("Server-Timing", parts.join(", "));
}
