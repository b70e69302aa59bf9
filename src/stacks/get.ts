import { and, eq, sql } from "drizzle-orm";
import { guarded } from "../auth/guard.ts";
import { isVisible } from "../auth/stackRules.ts";
import type { OrgContext } from "../context.ts";
import { updates } from "../updates/table.ts";
import type { StackConfig } from "./schema.ts";
import { type StackPath, stackAt, stackNotFound } from "./path.ts";
import { stackTags, stacks } from "./table.ts";

/** The most frequent call of all: every stack command starts with it (cli-protocol §3.6). */
export async function getStack(ctx: OrgContext, path: StackPath) {
  const { db } = ctx.store;
  const here = stackAt(ctx.org.id, path);
  const [found, tags, running] = await guarded(ctx, [
    db
      .select({ id: stacks.id, version: stacks.version, activeUpdate: stacks.activeUpdate, config: stacks.config })
      .from(stacks)
      .where(here),
    db
      .select({ name: stackTags.name, value: stackTags.value })
      .from(stackTags)
      .where(eq(stackTags.stackId, sql`(SELECT id FROM ${stacks} WHERE ${here})`)),
    db
      .select({ kind: updates.kind, author: updates.requestedBy, startedAt: updates.startedAt })
      .from(updates)
      .where(eq(updates.id, sql`(SELECT running_update FROM ${stacks} WHERE ${here})`)),
  ]);
  const stack = found[0];
  if (!stack) throw stackNotFound(path);
  const operation = running[0];
  return {
    id: stack.id,
    orgName: ctx.org.name,
    projectName: path.projectName,
    stackName: path.stackName,
    ...(operation && {
      currentOperation: { kind: operation.kind, author: operation.author, started: Math.floor((operation.startedAt ?? 0) / 1000) },
    }),
    activeUpdate: stack.activeUpdate,
    tags: Object.fromEntries(tags.map((tag) => [tag.name, tag.value])),
    // Its presence alone switches the CLI to environment-backed configuration (trap 25).
    ...(stack.config !== null && { config: JSON.parse(stack.config) as StackConfig }),
    version: stack.version,
  };
}

/** Asked by `pulumi new`, to warn about a name in use. @returns whether the project has a stack */
export async function projectExists(ctx: OrgContext, project: string): Promise<boolean> {
  const [found] = await guarded(ctx, [
    ctx.store.db
      .select({ id: stacks.id })
      .from(stacks)
      .where(
        and(
          sql`${stacks.orgId} = ${ctx.org.id} AND lower(${stacks.project}) = lower(${project}) AND ${stacks.deletedAt} IS NULL`,
          isVisible(ctx.actor.limits.stackRules, sql`${stacks.project}`, sql`${stacks.name}`),
        ),
      )
      .limit(1),
  ]);
  return found.length > 0;
}

/** Whose it is: who made it, for want of teams and grants of its own. */
export async function getStackMetadata(ctx: OrgContext, path: StackPath) {
  const ownedBy = await creatorOf(ctx, path);
  return { ...path, ownedBy, notificationSettings: { notifyUpdateSuccess: false, notifyUpdateFailure: false } };
}

/** Nobody has a right to one stack alone: rights come from the organization. */
export async function listStackPermissions(ctx: OrgContext, path: StackPath) {
  const { githubLogin } = await creatorOf(ctx, path);
  return { ...(githubLogin && { stackCreatorUserName: githubLogin }), users: [] };
}

/** There are no teams yet. */
export async function listStackTeams(ctx: OrgContext, path: StackPath) {
  await creatorOf(ctx, path);
  return { projectName: path.projectName, teams: [] };
}

async function creatorOf(ctx: OrgContext, path: StackPath) {
  const [found] = await guarded(ctx, [
    ctx.store.db
      .select({
        login: stacks.createdBy,
        name: sql<string>`COALESCE((SELECT name FROM users WHERE lower(login) = lower(stacks.created_by)), stacks.created_by)`.as(
          "creator",
        ),
      })
      .from(stacks)
      .where(stackAt(ctx.org.id, path)),
  ]);
  const creator = found[0];
  if (!creator) throw stackNotFound(path);
  return { name: creator.name, githubLogin: creator.login, avatarUrl: "" };
}

/** Before something large is taken in for a stack; whether it is still there is looked at again when it counts. */
export async function requireStack(ctx: OrgContext, path: StackPath): Promise<void> {
  const [found] = await guarded(ctx, [ctx.store.db.select({ id: stacks.id }).from(stacks).where(stackAt(ctx.org.id, path))]);
  if (!found[0]) throw stackNotFound(path);
}
