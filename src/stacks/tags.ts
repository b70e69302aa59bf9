import { eq, sql } from "drizzle-orm";
import { guard } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { type Store, batch } from "../db/client.ts";
import { type StackPath, stackAt, stackNotFound } from "./path.ts";
import type { Tags } from "./schema.ts";
import { stackTags, stacks } from "./table.ts";

/**
 * Statements that replace all tags of the stack that `stackId` (SQL for its id) names. One parameter carries the whole
 * set: D1 takes 100 a statement (platform-facts D-4).
 */
export const replaceTags = (store: Store, stackId: ReturnType<typeof sql>, tags: Tags) =>
  [
    store.db.delete(stackTags).where(eq(stackTags.stackId, stackId)),
    store.db
      .insert(stackTags)
      .select(sql`SELECT ${stackId}, key, value FROM json_each(${JSON.stringify(tags)}) WHERE ${stackId} IS NOT NULL`),
  ] as const;

/** Replaces the whole set, though the method is PATCH (cli-protocol §3.9). */
export async function updateStackTags(ctx: OrgContext, path: StackPath, tags: Tags): Promise<void> {
  const id = sql`(SELECT id FROM ${stacks} WHERE ${stackAt(ctx.org.id, path)})`;
  const [, found] = await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now, ctx.org.id),
    ctx.store.db.select({ id: stacks.id }).from(stacks).where(stackAt(ctx.org.id, path)),
    ...replaceTags(ctx.store, id, tags),
  ]);
  if (!found[0]) throw stackNotFound(path);
}
