import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import * as z from "zod/mini";
import type { RequestContext } from "../context.ts";
import { fromBase64url, toBase64url } from "../encoding.ts";
import { decrypt, encrypt } from "../secrets/cipher.ts";

/**
 * A new token's value on its way from the form that made it to the page that shows it: sealed in a cookie of this browser, kept
 * nowhere else, and taken out by the first look. So neither reload nor the back button can bring it again.
 */
const NAME = "__Host-stackpass-once";
const SECONDS = 120;
const options = { httpOnly: true, secure: true, sameSite: "Strict", path: "/" } as const;

const Shown = z.object({ id: z.string(), name: z.string(), value: z.string() });
export type Shown = z.infer<typeof Shown>;

/** Bound to its purpose and to whose it is: a cookie of somebody else opens nothing. */
const purpose = (ownerId: string) => `console once:${ownerId}`;

export async function keepOnce({ env }: RequestContext, c: Context, ownerId: string, shown: Shown): Promise<void> {
  const sealed = await encrypt(env.ENCRYPTION_KEYS, purpose(ownerId), new TextEncoder().encode(JSON.stringify(shown)));
  setCookie(c, NAME, toBase64url(sealed), { ...options, maxAge: SECONDS });
}

/** @returns undefined when it was shown already, is too old, or is somebody else's */
export async function takeOnce({ env }: RequestContext, c: Context, ownerId: string): Promise<Shown | undefined> {
  const sealed = getCookie(c, NAME);
  deleteCookie(c, NAME, options);
  if (!sealed) return undefined;
  try {
    const plain = await decrypt(env.ENCRYPTION_KEYS, purpose(ownerId), fromBase64url(sealed));
    return Shown.parse(JSON.parse(new TextDecoder().decode(plain)));
  } catch {
    return undefined;
  }
}
