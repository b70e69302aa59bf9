import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import * as z from "zod/mini";
import { fromBase64url, toBase64url } from "../bytes/base64.ts";
import type { Bindings } from "../env.ts";
import { decrypt, encrypt } from "../secrets/cipher.ts";
import { readSession } from "../sessions/cookie.ts";
import type { Problem } from "./problem.ts";

/**
 * Passes a refused form to the page that shows it again: what is wrong, and what was typed, without secrets. The browser is redirected there, so
 * that going back or reloading never asks whether to send the form again. It is encrypted in a cookie of this browser, which the page
 * deletes.
 */
const NAME = "__Host-stackpass-refused";
const SECONDS = 60;
const options = { httpOnly: true, secure: true, sameSite: "Strict", path: "/" } as const;
/** The key is bound to the session, so that a browser does not show it to the next person. */
const purpose = (c: Context) => `console refused form:${readSession(c) ?? ""}`;

/** Fields that may contain a secret. They have to be typed again. */
const secrets = new Set(["token", "clientSecret", "secret", "authorization", "pasted"]);

/** Maximum number of characters of the cookie: browsers drop cookies above 4 KB. */
const LONGEST = 3900;

const Refused = z.object({
  path: z.string(),
  form: z.record(z.string(), z.string()),
  problem: z.object({ message: z.string(), fields: z.record(z.string(), z.string()), status: z.optional(z.number()) }),
});

/**
 * @param path the page with the form
 * @returns false if the form is too long for a cookie. The answer to the form must then show it.
 */
export async function keepRefused(env: Bindings, c: Context, path: string, typed: Record<string, string>, problem: Problem) {
  const form = Object.fromEntries(Object.entries(typed).filter(([name]) => !secrets.has(name)));
  const text = JSON.stringify({ path, form, problem } satisfies z.infer<typeof Refused>);
  if (text.length > LONGEST) return false;
  const sealed = toBase64url(await encrypt(env.ENCRYPTION_KEYS, purpose(c), new TextEncoder().encode(text)));
  if (sealed.length > LONGEST) return false;
  setCookie(c, NAME, sealed, { ...options, maxAge: SECONDS });
  return true;
}

/** @returns the refused form of the page at this path, and forgets it */
export async function takeRefused(
  env: Bindings,
  c: Context,
  path: string,
): Promise<{ form: Record<string, string>; problem: Problem } | undefined> {
  const cookie = getCookie(c, NAME);
  if (!cookie) return undefined;
  try {
    const plain = await decrypt(env.ENCRYPTION_KEYS, purpose(c), fromBase64url(cookie.slice(0, LONGEST)));
    const refused = Refused.parse(JSON.parse(new TextDecoder().decode(plain)));
    if (refused.path !== path) return undefined;
    deleteCookie(c, NAME, options);
    return { form: refused.form, problem: refused.problem as Problem };
  } catch {
    deleteCookie(c, NAME, options);
    return undefined;
  }
}
