import { and, eq, sql } from "drizzle-orm";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, changedARow, auditIf, whoIs } from "../audit/record.ts";
import { guardColumn, guarded } from "../auth/guard.ts";
import { visibleHere } from "../auth/visible.ts";
import type { OrgContext, StackFacts } from "../context.ts";
import { batch } from "../db/client.ts";
import { notFound } from "../errors.ts";
import { stackGrants, teams } from "../teams/table.ts";
import { type UpdateKind, updates } from "../updates/table.ts";
import { users } from "../users/table.ts";
import type { StackConfig } from "./schema.ts";
import { type StackPath, auditName, noSuchStack, pathText, stackAt, stackAtAnyCase, stackNotFound } from "./path.ts";
import { noteAdmitted, stackAtStart } from "./nearby.ts";
import { stacks } from "./table.ts";

/**
 * Returns a stack, whose names may be given in upper or lower case. This is the most frequent call: every stack command starts with it
 * (cli-protocol §3.6).
 */
export async function getStack(ctx: OrgContext, path: StackPath) {
  const known = await stackAtStart(ctx, path);
  if (known) return toAnswer(ctx, path, known);
  const { db } = ctx.store;
  const [[stack]] = await batch(ctx.store, [
    db
      .select({
        holds: guardColumn(ctx),
        id: sql<string | null>`stacks.id`.as("stack_id"),
        projectName: sql<string>`stacks.project`.as("stack_project"),
        stackName: sql<string>`stacks.name`.as("stack_name"),
        version: sql<number>`stacks.version`.as("stack_version"),
        activeUpdate: sql<string>`stacks.active_update`.as("active_update"),
        config: sql<string | null>`stacks.config`.as("stack_config"),
        tags: sql<string>`(SELECT json_group_object(name, value) FROM stack_tags WHERE stack_id = stacks.id)`.as("tags"),
        kind: sql<UpdateKind | null>`updates.kind`.as("update_kind"),
        author: sql<string>`updates.requested_by`.as("update_author"),
        startedAt: sql<number | null>`updates.started_at`.as("update_started"),
      })
      .from(sql`(SELECT 1)`)
      .leftJoin(stacks, stackAtAnyCase(ctx.org.id, path))
      .leftJoin(updates, sql`updates.id = stacks.running_update`),
  ]);
  // `stack init` asks for a stack that does not exist, so there is no second look-up for it.
  if (!stack || stack.id === null) throw noSuchStack(path);
  const { id, kind, author, startedAt, projectName, stackName } = stack;
  noteAdmitted(ctx, path, id);
  return toAnswer(
    ctx,
    { orgName: ctx.org.name, projectName, stackName },
    {
      ...stack,
      id,
      tags: JSON.parse(stack.tags) as Record<string, string>,
      ...(kind !== null && { currentOperation: { kind, author, started: Math.floor((startedAt ?? 0) / 1000) } }),
    },
  );
}

const toAnswer = (ctx: OrgContext, path: StackPath, { id, version, activeUpdate, config, tags, currentOperation }: StackFacts) => ({
  id,
  orgName: ctx.org.name,
  projectName: path.projectName,
  stackName: path.stackName,
  ...(currentOperation && { currentOperation }),
  activeUpdate,
  tags,
  // The CLI reads the configuration from an environment if this member is present (trap 25).
  ...(config !== null && { config: JSON.parse(config) as StackConfig }),
  version,
});

/** Whether the project has a stack. `pulumi new` asks this, to warn about a name that is in use. */
export async function projectExists(ctx: OrgContext, project: string): Promise<boolean> {
  const [found] = await guarded(ctx, [
    ctx.store.db
      .select({ id: stacks.id })
      .from(stacks)
      .where(
        and(
          sql`${stacks.orgId} = ${ctx.org.id} AND lower(${stacks.project}) = lower(${project}) AND ${stacks.deletedAt} IS NULL`,
          visibleHere(ctx),
        ),
      )
      .limit(1),
  ]);
  return found.length > 0;
}

/** The owner of a stack is its creator. */
export async function getStackMetadata(ctx: OrgContext, path: StackPath) {
  const ownedBy = await creatorOf(ctx, path);
  return { ...path, ownedBy, notificationSettings: { notifyUpdateSuccess: false, notifyUpdateFailure: false } };
}

/** The creator of the stack, and the people who have a right on this stack only. The creator has one until it is removed. */
export async function listStackPermissions(ctx: OrgContext, path: StackPath) {
  const { githubLogin } = await creatorOf(ctx, path);
  const [people] = await guarded(ctx, [
    ctx.store.db
      .select({ login: users.login, name: users.name, permission: stackGrants.permission })
      .from(stackGrants)
      .innerJoin(users, eq(users.id, stackGrants.granteeId))
      .where(
        and(eq(stackGrants.granteeKind, "user"), sql`${stackGrants.stackId} = (SELECT id FROM stacks WHERE ${stackAt(ctx.org.id, path)})`),
      )
      .orderBy(users.login),
  ]);
  return {
    ...(githubLogin && { stackCreatorUserName: githubLogin }),
    users: people.map(({ login, name, permission }) => ({ user: { githubLogin: login, name, avatarUrl: "" }, permission })),
  };
}

/** Removes a person's own right on the stack. Rights from the organization, roles and teams stay. @throws 404 for an unknown person */
export async function deleteStackPermission(ctx: OrgContext, path: StackPath, login: string): Promise<void> {
  const { db } = ctx.store;
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "stack-collaborator-removed",
    description: `Removed the right of ${login} on stack "${pathText(path)}".`,
    stack: auditName(path),
  });
  const person = sql`(SELECT users.id FROM users JOIN members ON members.user_id = users.id
    WHERE lower(users.login) = lower(${login}) AND members.org_id = ${ctx.org.id})`;
  const stack = sql`(SELECT id FROM stacks WHERE ${stackAt(ctx.org.id, path)})`;
  const [found, people] = await guarded(ctx, [
    db.select({ id: stacks.id }).from(stacks).where(stackAt(ctx.org.id, path)),
    db
      .select({ id: users.id })
      .from(users)
      .where(sql`${users.id} = ${person}`),
    db
      .delete(stackGrants)
      .where(sql`${stackGrants.stackId} = ${stack} AND ${stackGrants.granteeKind} = 'user' AND ${stackGrants.granteeId} = ${person}`),
    auditIf(ctx.store, event, changedARow),
  ]);
  if (!found[0]) throw stackNotFound(path);
  if (!people[0]) throw notFound(`User '${login.slice(0, 100)}'`);
  relaySoon(ctx, event);
}

/** Lists the teams that have a right on the stack, by name. */
export async function listStackTeams(ctx: OrgContext, path: StackPath) {
  const { actor, org, store } = ctx;
  const [found, rows] = await guarded(ctx, [
    store.db.select({ id: stacks.id }).from(stacks).where(stackAt(org.id, path)),
    store.db
      .select({
        name: teams.name,
        displayName: teams.displayName,
        description: teams.description,
        permission: stackGrants.permission,
        isMember: sql<number>`EXISTS (SELECT 1 FROM team_members WHERE team_members.team_id = teams.id
          AND team_members.user_id = ${actor.kind === "user" ? actor.user.id : ""})`.as("is_member"),
      })
      .from(stackGrants)
      .innerJoin(teams, eq(teams.id, stackGrants.granteeId))
      .where(and(eq(stackGrants.granteeKind, "team"), sql`${stackGrants.stackId} = (SELECT id FROM stacks WHERE ${stackAt(org.id, path)})`))
      .orderBy(sql`lower(${teams.name})`),
  ]);
  if (!found[0]) throw stackNotFound(path);
  return { projectName: path.projectName, teams: rows.map((row) => ({ ...row, isMember: row.isMember === 1 })) };
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

/** Requires that the stack exists, before a large body for it is received. The change that follows checks again. @throws 404 */
export async function requireStack(ctx: OrgContext, path: StackPath): Promise<void> {
  const [found] = await guarded(ctx, [ctx.store.db.select({ id: stacks.id }).from(stacks).where(stackAt(ctx.org.id, path))]);
  if (!found[0]) throw stackNotFound(path);
}
