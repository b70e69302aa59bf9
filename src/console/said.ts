import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";

/**
 * Passes a sentence about what a form did to the page that the browser opens next, which shows it once. It is in a cookie of this browser,
 * so it contains no secret. No other site and no subdomain can set a cookie with this prefix.
 */
const NAME = "__Host-stackpass-said";
const SECONDS = 30;
const options = { httpOnly: true, secure: true, sameSite: "Strict", path: "/" } as const;

/** Maximum number of characters of the sentence: names in it can be long, and browsers drop cookies above 4 KB. */
const LONGEST = 300;

export const say = (c: Context, sentence: string): void => setCookie(c, NAME, sentence.slice(0, LONGEST), { ...options, maxAge: SECONDS });

/** @returns the sentence, and forgets it */
export function takeSaid(c: Context): string | undefined {
  const said = getCookie(c, NAME);
  if (said !== undefined) deleteCookie(c, NAME, options);
  return said?.slice(0, LONGEST) || undefined;
}
