import { and, eq, isNull, lt, or } from "drizzle-orm";
import type { RequestContext } from "../context.ts";
import { batch, openStore } from "../db/client.ts";
import type { Identity } from "./resolve.ts";
import { accessTokens } from "../tokens/table.ts";

/** `lastUsed` is exact to this many milliseconds: at most one write a token in that time. */
const RESOLUTION = 60_000;
const REMEMBERED = 10_000;

/** When this isolate last wrote, by token. Only spares writes; the condition in the statement is what bounds them. */
const written = new Map<string, number>();

/** Notes a successful use, off the request's path. Refused requests never count. */
export function touchLastUsed(ctx: RequestContext, identity: Identity): void {
  const { id } = identity.actor.token;
  const last = Math.max(identity.lastUsedAt ?? 0, written.get(id) ?? 0);
  if (ctx.now - last < RESOLUTION) return;
  if (written.size >= REMEMBERED) written.clear();
  written.set(id, ctx.now);

  const store = openStore(ctx.env.DB);
  const due = or(isNull(accessTokens.lastUsedAt), lt(accessTokens.lastUsedAt, ctx.now - RESOLUTION));
  const write = store.db
    .update(accessTokens)
    .set({ lastUsedAt: ctx.now })
    .where(and(eq(accessTokens.id, id), due));
  ctx.background("last use", batch(store, [write]));
}
