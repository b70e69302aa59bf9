import { lte } from "drizzle-orm";
import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import type * as z from "zod/mini";
import { fromBase64url, toBase64url } from "../bytes/base64.ts";
import type { RequestContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { decrypt, encrypt } from "../secrets/cipher.ts";
import { usedSignIns } from "./table.ts";

/**
 * Keeps what a sign-in needs between two requests: encrypted in a cookie of this browser. Another browser does not have it, so nobody can be made to
 * finish the sign-in of somebody else. `Lax`, because the browser comes back from the provider's site.
 */
const options = { httpOnly: true, secure: true, sameSite: "Lax", path: "/" } as const;
/** Time for the whole way through the provider. Seconds. */
const SECONDS = 600;

/** `saml` is what an answer of SAML said, until the browser comes with the cookie of its request. */
type Purpose = "sign-in" | "saml" | "first";
const nameOf = (purpose: Purpose) => `__Host-stackpass-${purpose}`;

export async function keepSealed(ctx: RequestContext, c: Context, purpose: Purpose, value: object): Promise<void> {
  const plain = JSON.stringify({ ...value, endsAt: ctx.now + SECONDS * 1000 });
  const sealed = await encrypt(ctx.env.ENCRYPTION_KEYS, purpose, new TextEncoder().encode(plain));
  setCookie(c, nameOf(purpose), toBase64url(sealed), { ...options, maxAge: SECONDS });
}

/** @returns undefined for an absent, foreign or old cookie */
export async function openSealed<S extends z.ZodMiniType<{ endsAt: number }>>(
  ctx: RequestContext,
  c: Context,
  purpose: Purpose,
  schema: S,
): Promise<z.output<S> | undefined> {
  const cookie = getCookie(c, nameOf(purpose));
  if (!cookie) return undefined;
  try {
    const plain = await decrypt(ctx.env.ENCRYPTION_KEYS, purpose, fromBase64url(cookie));
    const value = schema.parse(JSON.parse(new TextDecoder().decode(plain)));
    return value.endsAt > ctx.now ? value : undefined;
  } catch {
    return undefined;
  }
}

export const dropSealed = (c: Context, purpose: Purpose) => void deleteCookie(c, nameOf(purpose), options);

/** Uses up an id that was sealed, so that a copy of the cookie has no effect. @returns whether the id was unused */
export async function useUp({ store, now }: RequestContext, { id, endsAt }: { id: string; endsAt: number }): Promise<boolean> {
  const [, used] = await batch(store, [
    store.db.delete(usedSignIns).where(lte(usedSignIns.endsAt, now)),
    store.db.insert(usedSignIns).values({ id, endsAt }).onConflictDoNothing().returning({ id: usedSignIns.id }),
  ]);
  return used.length === 1;
}
