import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { ABSOLUTE } from "./open.ts";

/**
 * `__Host-`: this host only, over TLS only (browsers take localhost for that), no path of its own. Lax and not Strict: whoever
 * follows "View Live" out of a build log arrives signed in; other sites' forms still come without it.
 */
const NAME = "__Host-stackpass";
const options = { httpOnly: true, secure: true, sameSite: "Lax", path: "/" } as const;

export const readSession = (c: Context): string | undefined => getCookie(c, NAME);
export const writeSession = (c: Context, value: string) => setCookie(c, NAME, value, { ...options, maxAge: ABSOLUTE / 1000 });
export const dropSession = (c: Context) => deleteCookie(c, NAME, options);
