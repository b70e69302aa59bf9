import { lte } from "drizzle-orm";
import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import * as z from "zod/mini";
import { guard } from "../auth/guard.ts";
import type { ActorContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { fromBase64url, toBase64url } from "../bytes/base64.ts";
import { decrypt, encrypt } from "../secrets/cipher.ts";
import { shownValues } from "./table.ts";

/**
 * Passes a new token's value from the form that created it to the page that shows it: encrypted in a cookie of this browser, and stored
 * nowhere else. The first view deletes the cookie and uses up the id that is sealed with the value. So reloading, the back button or a copy
 * of the cookie does not show the value again.
 */
const NAME = "__Host-stackpass-once";
const SECONDS = 120;
const options = { httpOnly: true, secure: true, sameSite: "Strict", path: "/" } as const;

const Shown = z.object({ id: z.string(), name: z.string(), value: z.string() });
export type Shown = z.infer<typeof Shown>;

/** The content of a seal: the value, the seal's own id, and its expiry. */
const Sealed = z.object({ shown: Shown, seal: z.string(), endsAt: z.number() });

/** The key is bound to its purpose and to the owner: another person's cookie cannot be opened. */
const purpose = (ownerId: string) => `console once:${ownerId}`;

export async function keepOnce({ env, now }: ActorContext, c: Context, ownerId: string, shown: Shown): Promise<void> {
  const kept: z.infer<typeof Sealed> = { shown, seal: crypto.randomUUID(), endsAt: now + SECONDS * 1000 };
  const sealed = await encrypt(env.ENCRYPTION_KEYS, purpose(ownerId), new TextEncoder().encode(JSON.stringify(kept)));
  setCookie(c, NAME, toBase64url(sealed), { ...options, maxAge: SECONDS });
}

/** @returns undefined when the value was already shown, is too old, or belongs to another person */
export async function takeOnce(ctx: ActorContext, c: Context, ownerId: string): Promise<Shown | undefined> {
  const kept = await open(ctx, getCookie(c, NAME), ownerId);
  const isFirst = kept && kept.endsAt > ctx.now && (await useUp(ctx, kept));
  deleteCookie(c, NAME, options);
  return isFirst ? kept.shown : undefined;
}

async function open({ env }: ActorContext, cookie: string | undefined, ownerId: string): Promise<z.infer<typeof Sealed> | undefined> {
  if (!cookie) return undefined;
  try {
    const plain = await decrypt(env.ENCRYPTION_KEYS, purpose(ownerId), fromBase64url(cookie));
    return Sealed.parse(JSON.parse(new TextDecoder().decode(plain)));
  } catch {
    return undefined;
  }
}

/** @returns whether the id was unused */
async function useUp(ctx: ActorContext, { seal, endsAt }: z.infer<typeof Sealed>): Promise<boolean> {
  const { db } = ctx.store;
  const [, , used] = await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now),
    db.delete(shownValues).where(lte(shownValues.endsAt, ctx.now)),
    db.insert(shownValues).values({ id: seal, endsAt }).onConflictDoNothing().returning({ id: shownValues.id }),
  ]);
  return used.length === 1;
}
