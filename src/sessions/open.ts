import { newTokenValue, peppersOf } from "../auth/secret.ts";
import { batch } from "../db/client.ts";
import type { RequestContext } from "../context.ts";
import { accessTokens } from "../tokens/table.ts";

/** A session ends this long after its last use, in milliseconds. */
export const IDLE = 12 * 3_600_000;
/** A session ends this long after sign-in, however it is used, in milliseconds. */
export const ABSOLUTE = 7 * 24 * 3_600_000;

/**
 * Opens a console session for a person who has proved who they are. A session is an access token of its own kind that only
 * the console's cookie carries: it is hashed, cached, checked on each write, ended and audited as every token is, and never
 * listed. Single sign-on will call this too: how somebody proved who they are is not its business.
 * @returns the cookie's value
 */
export async function openSession(ctx: RequestContext, user: { id: string; login: string }): Promise<string> {
  const { value, hash } = await newTokenValue(peppersOf(ctx.env.TOKEN_PEPPER));
  await batch(ctx.store, [
    ctx.store.db.insert(accessTokens).values({
      id: crypto.randomUUID(),
      kind: "session",
      userId: user.id,
      name: "console",
      description: "",
      hash,
      createdAt: ctx.now,
      createdBy: user.login,
      expiresAt: ctx.now + IDLE,
    }),
  ]);
  return value;
}
