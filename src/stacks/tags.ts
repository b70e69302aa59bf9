import { and, eq, sql } from "drizzle-orm";
import type * as z from "zod/mini";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditIf, changedARow, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { type Store, UniqueViolation } from "../db/client.ts";
import { badRequest, notFound } from "../errors.ts";
import { type StackPath, auditName, pathText, stackAt, stackExists, stackNotFound } from "./path.ts";
import { tellChange } from "./nearby.ts";
import type { StackTag, Tags } from "./schema.ts";
import { stackTags, stacks } from "./table.ts";

type Tag = z.infer<typeof StackTag>;

/** The tags that the CLI sets (cli-protocol §3.4). They can only be changed by replacing all tags. */
const builtIn: ReadonlySet<string> = new Set([
  "pulumi:project",
  "pulumi:runtime",
  "pulumi:description",
  "pulumi:template",
  "vcs:owner",
  "vcs:repo",
  "vcs:kind",
  "vcs:root",
]);

/**
 * Statements that replace all tags of a stack; `stackId` is SQL for its id. Each update sends the tags that the stack has already, so only
 * what differs is written. One parameter contains all tags, because a statement of D1 has at most 100 parameters (platform-facts D-4).
 */
export const replaceTags = (store: Store, stackId: ReturnType<typeof sql>, tags: Tags) => {
  const asked = sql`json_each(${JSON.stringify(tags)})`;
  return [
    store.db.delete(stackTags).where(and(eq(stackTags.stackId, stackId), sql`${stackTags.name} NOT IN (SELECT key FROM ${asked})`)),
    store.db
      .insert(stackTags)
      .select(sql`SELECT ${stackId}, key, value FROM ${asked} WHERE ${stackId} IS NOT NULL`)
      .onConflictDoUpdate({
        target: [stackTags.stackId, stackTags.name],
        set: { value: sql`excluded.value` },
        setWhere: sql`${stackTags.value} <> excluded.value`,
      }),
  ] as const;
};

/** The statement that gives a new stack its tags; none if it has none. */
export const firstTags = (store: Store, stackId: string, tags: Tags) =>
  Object.keys(tags).length === 0
    ? []
    : [store.db.insert(stackTags).select(sql`SELECT ${stackId}, key, value FROM json_each(${JSON.stringify(tags)})`)];

/** Replaces all tags, although the method is PATCH (cli-protocol §3.9). */
export async function updateStackTags(ctx: OrgContext, path: StackPath, tags: Tags): Promise<void> {
  refuseOtherProject(path, tags["pulumi:project"]);
  const event = tagEvent(ctx, path, "Replaced the tags");
  const [found] = await guarded(ctx, [
    ctx.store.db.select({ id: stacks.id }).from(stacks).where(stackAt(ctx.org.id, path)),
    ...replaceTags(ctx.store, idOf(ctx, path), tags),
    auditIf(ctx.store, event, stackExists(ctx.org.id, path)),
  ]);
  if (!found[0]) throw stackNotFound(path);
  relaySoon(ctx, event);
  await tellChange(ctx, path);
}

/** @throws 400 when the stack has a tag of that name */
export async function addStackTag(ctx: OrgContext, path: StackPath, { name, value }: Tag): Promise<void> {
  if (name === "pulumi:project") refuseOtherProject(path, value);
  const event = tagEvent(ctx, path, `Added the tag ${name}`);
  try {
    const [found] = await guarded(ctx, [
      ctx.store.db.select({ id: stacks.id }).from(stacks).where(stackAt(ctx.org.id, path)),
      ctx.store.db.insert(stackTags).select(sql`SELECT id, ${name}, ${value} FROM ${stacks} WHERE ${stackAt(ctx.org.id, path)}`),
      auditIf(ctx.store, event, changedARow),
    ]);
    if (!found[0]) throw stackNotFound(path);
  } catch (error) {
    if (error instanceof UniqueViolation) throw badRequest(`the stack already has a tag ${name}`);
    throw error;
  }
  relaySoon(ctx, event);
  await tellChange(ctx, path);
}

export async function updateStackTag(ctx: OrgContext, path: StackPath, name: string, tag: Tag): Promise<void> {
  if (tag.name !== name) throw badRequest("the body names another tag than the path");
  await changeTag(ctx, path, name, tag.value);
}

export const deleteStackTag = (ctx: OrgContext, path: StackPath, name: string): Promise<void> => changeTag(ctx, path, name, null);

/** @param value null removes the tag */
async function changeTag(ctx: OrgContext, path: StackPath, name: string, value: string | null): Promise<void> {
  if (builtIn.has(name)) throw badRequest(`${name} is a built-in tag`);
  const { db } = ctx.store;
  const here = and(eq(stackTags.stackId, idOf(ctx, path)), eq(stackTags.name, name));
  const event = tagEvent(ctx, path, `${value === null ? "Removed" : "Changed"} the tag ${name.slice(0, 40)}`);
  const [found, changed] = await guarded(ctx, [
    db.select({ id: stacks.id }).from(stacks).where(stackAt(ctx.org.id, path)),
    value === null
      ? db.delete(stackTags).where(here).returning({ name: stackTags.name })
      : db.update(stackTags).set({ value }).where(here).returning({ name: stackTags.name }),
    auditIf(ctx.store, event, changedARow),
  ]);
  if (!found[0]) throw stackNotFound(path);
  if (!changed[0]) throw notFound(`Tag '${name.slice(0, 100)}'`);
  relaySoon(ctx, event);
  await tellChange(ctx, path);
}

const idOf = (ctx: OrgContext, path: StackPath) => sql`(SELECT id FROM ${stacks} WHERE ${stackAt(ctx.org.id, path)})`;

/** Only a rename changes a stack's project. In paths the CLI replaces invalid characters of a project's name by `-`. */
function refuseOtherProject({ projectName }: StackPath, value: string | undefined): void {
  if (value !== undefined && value.replaceAll(/[^A-Za-z0-9_.-]/g, "-") !== projectName)
    throw badRequest("a tag cannot change the stack's project");
}

const tagEvent = (ctx: OrgContext, path: StackPath, what: string) =>
  auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "stack-tags-updated",
    description: `${what} of stack "${pathText(path)}".`,
    stack: auditName(path),
  });
