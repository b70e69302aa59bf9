import type { Context } from "hono";
import type { PersonContext, RequestContext } from "../context.ts";
import { PreconditionFailed } from "../db/client.ts";
import { closeSession } from "../sessions/close.ts";
import { writeSession } from "../sessions/cookie.ts";

export const isSignedIn = (ctx: object): ctx is PersonContext => "actor" in ctx && ctx.actor !== undefined;

/** Gives the browser a new session, and ends its previous one: nobody else should keep it. */
export async function replaceSession(ctx: RequestContext, c: Context, cookie: string): Promise<void> {
  writeSession(c, cookie);
  if (isSignedIn(ctx)) await closeSession(ctx).catch(hasEnded);
}

/** Ignores the error of a session that has already ended. If it were thrown, the request would be repeated and would sign in twice. */
function hasEnded(error: unknown): void {
  if (!(error instanceof PreconditionFailed)) throw error;
}
