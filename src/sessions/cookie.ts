import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { ABSOLUTE } from "./open.ts";

/**
 * `__Host-`: sent only to this host, only over TLS (browsers allow localhost), and for all paths. `Lax`, not `Strict`: a person who follows
 * "View Live" from a build log arrives signed in, while forms of other sites are still sent without the cookie.
 */
const NAME = "__Host-stackpass";
const options = { httpOnly: true, secure: true, sameSite: "Lax", path: "/" } as const;

export const readSession = (c: Context): string | undefined => getCookie(c, NAME);
export const writeSession = (c: Context, value: string) => setCookie(c, NAME, value, { ...options, maxAge: ABSOLUTE / 1000 });
export const dropSession = (c: Context) => deleteCookie(c, NAME, options);
