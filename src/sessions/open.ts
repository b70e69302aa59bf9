import { type SQL, and, eq, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import { newTokenValue, peppersOf } from "../auth/secret.ts";
import { batch } from "../db/client.ts";
import type { RequestContext } from "../context.ts";
import { accessTokens } from "../tokens/table.ts";

/** A session ends this long after its last use, in milliseconds. */
export const IDLE = 12 * 3_600_000;
/** A session ends this long after sign-in, however it is used, in milliseconds. */
export const ABSOLUTE = 7 * 24 * 3_600_000;

/** The name of a session in the log. It has a space, so that no machine's token can have the same name. */
export const SESSION_NAME = "console session";

/** How long an ended session's row is kept. Milliseconds. */
const ENDED_SESSION_KEPT = 30 * 24 * 3_600_000;

/** How a session was opened. */
export interface Opening {
  /** Id of the session. */
  id: string;
  /** Id of the personal token that the session ends with; null for a sign-in without one. */
  openedWith: string | null;
  /** The only organization that the session opens; null: all organizations of the person. */
  onlyOrgId: string | null;
  /** Id of the identity that the person signed in with, or SQL for it. */
  identityId: string | SQL | null;
  /** Id of the session at the identity provider, if the provider sent one. */
  providerSession?: string | null;
  /** Milliseconds after which the session ends, at most. */
  longest?: number;
}

/** A row with descendants is kept forever, because the descendants are found through it. */
const madeNothing = sql`NOT EXISTS (SELECT 1 FROM access_tokens AS made WHERE made.made_with = access_tokens.id)
  AND NOT EXISTS (SELECT 1 FROM invites WHERE made_with = access_tokens.id)
  AND NOT EXISTS (SELECT 1 FROM members WHERE made_with = access_tokens.id)
  AND NOT EXISTS (SELECT 1 FROM former_members WHERE made_with = access_tokens.id)`;

/**
 * Opens a console session for an authenticated person. A session is an access token of its own kind, in the console's cookie only: it is
 * hashed, cached, checked on each write, ended and audited like every token, but never listed. This function does not depend on how the
 * person was authenticated.
 * @param opening what the sign-in was made with
 * @param first the first statements of the batch. One of them fails unless the proof is still valid, so that a token that has just ended opens
 * no session
 * @param more further statements of that batch: other conditions of the sign-in, and its events
 * @returns the cookie's value
 */
export async function openSession(
  ctx: RequestContext,
  user: { id: string; login: string },
  { id, openedWith, onlyOrgId, identityId, providerSession = null, longest = IDLE }: Opening,
  first: [BatchItem<"sqlite">, ...BatchItem<"sqlite">[]],
  ...more: BatchItem<"sqlite">[]
): Promise<string> {
  const { value, hash } = await newTokenValue(peppersOf(ctx.env.TOKEN_PEPPER), ctx.store.place);
  const old = and(
    eq(accessTokens.userId, user.id),
    eq(accessTokens.kind, "session"),
    sql`coalesce(${accessTokens.deletedAt}, ${accessTokens.expiresAt}) < ${ctx.now - ENDED_SESSION_KEPT}`,
    madeNothing,
  );
  await batch(ctx.store, [
    ...first,
    ctx.store.db.delete(accessTokens).where(old),
    ctx.store.db.insert(accessTokens).values({
      id,
      kind: "session",
      userId: user.id,
      name: SESSION_NAME,
      description: "",
      hash,
      createdAt: ctx.now,
      createdBy: user.login,
      expiresAt: ctx.now + longest,
      madeWith: openedWith,
      onlyOrgId,
      identityId,
      providerSession,
    }),
    ...more,
  ]);
  return value;
}
