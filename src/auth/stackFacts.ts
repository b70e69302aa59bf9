import type { Actor, OnStack, OrganizationRef, RequestContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { guard } from "./guard.ts";
import { stackFactsQuery, toStackFacts } from "./onStack.ts";
import type { StackRef } from "./policy.ts";

/** Reads the facts about a stack that the actor's rights depend on. */
export async function readStackFacts(ctx: RequestContext, actor: Actor, org: OrganizationRef, stack: StackRef): Promise<OnStack["facts"]> {
  const [, rows] = await batch(ctx.store, [
    guard(ctx.store, actor, ctx.now, org.id),
    stackFactsQuery(ctx.store, actor.token.id, org.id, stack),
  ]);
  return toStackFacts(rows);
}
