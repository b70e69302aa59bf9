/** Checks of a browser's request that come before its page handles it. */
import type { Context } from "hono";
import { AppError, badRequest } from "../errors.ts";
import { isLikeDryRun } from "../http/dryRunParameter.ts";
import type { Env } from "../http/environment.ts";
import { originOf } from "../http/origin.ts";

/**
 * Rejects forms of other sites: cookies are SameSite=Lax, and a browser sends the origin of a form. A client that sends no origin is not a
 * browser with our cookie.
 */
export function refuseForeign(c: Context<Env>): void {
  const site = c.req.header("Sec-Fetch-Site");
  const origin = c.req.header("Origin");
  // A proxy may use another host than the browser.
  const own = origin === new URL(c.req.url).origin || origin === originOf(c.env, c.req);
  if (site === undefined ? !own : site !== "same-origin" || (origin !== undefined && origin !== "null" && !own))
    throw new AppError(403, "This form was not sent from this site. Open the page again and repeat it.");
}

/**
 * Refuses an address that names a parameter twice, because a page reads only one of the values, and a form that asks for a dry run, because it
 * would make the change. @throws 400
 */
export function requireReadable(query: URLSearchParams, method: string): void {
  const names = [...query.keys()];
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated !== undefined) throw badRequest(`the link names the parameter ${repeated.slice(0, 50)} more than once`);
  if (method === "POST" && names.some(isLikeDryRun))
    throw badRequest(
      "A form has no dry run in its address, so nothing was done. Use the API, or the button that shows what a form changes.",
    );
}

/** Maximum number of characters of all fields of a form together. */
const FORM_LIMIT = 64 * 1024;

/** The fields of a posted form. @throws 413 for a form that is too large, 400 for another body */
export async function fieldsOf(c: Context<Env>, limit = FORM_LIMIT): Promise<Record<string, string>> {
  if (Number(c.req.header("Content-Length") ?? limit + 1) > limit) throw new AppError(413, "This form is too large.");
  if (!/^application\/x-www-form-urlencoded\b/i.test(c.req.header("Content-Type") ?? "")) throw badRequest("a form is expected");
  return Object.fromEntries(new URLSearchParams(await c.req.text()));
}
