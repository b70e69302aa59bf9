/** Reads who could have rights in an organization, and what could give them. `auth/explain.ts` decides which of these give a right. */
import { type SQL, and, eq, sql } from "drizzle-orm";
import type { StackRef } from "../auth/policy.ts";
import { visibleHere } from "../auth/visible.ts";
import type { OrgContext } from "../context.ts";
import { members } from "../orgs/table.ts";
import { customRoles } from "../roles/table.ts";
import { stackAtAnyCase } from "../stacks/path.ts";
import { stacks } from "../stacks/table.ts";
import { type GrantPermission, teams } from "../teams/table.ts";
import { type TokenRole, accessTokens } from "../tokens/table.ts";
import { users } from "../users/table.ts";

/** The stack of a question, if the caller may know it. */
export const stackQuery = (ctx: OrgContext, stack: StackRef) =>
  ctx.store.db
    .select({
      stackId: stacks.id,
      projectName: stacks.project,
      stackName: stacks.name,
      tags: sql<Record<string, string>>`(SELECT json_group_array(json_array(name, value)) FROM stack_tags WHERE stack_id = stacks.id)`
        .mapWith((tags: string) => Object.fromEntries(JSON.parse(tags) as [string, string][]))
        .as("tags"),
    })
    .from(stacks)
    .where(and(stackAtAnyCase(ctx.org.id, stack), visibleHere(ctx)));

/** The id of the stack of a question; undefined for a question about the whole organization. */
type StackId = SQL | undefined;

export const idOf = (ctx: OrgContext, stack: StackRef): SQL => sql`(SELECT id FROM stacks WHERE ${stackAtAnyCase(ctx.org.id, stack)})`;

/** SQL for a grant on the stack; without a stack, for any grant. Null: there is none. */
const grantTo = (kind: "team" | "user" | "token", grantee: SQL, on: SQL | undefined) =>
  sql<GrantPermission | null>`(SELECT min(permission) FROM stack_grants WHERE ${and(sql`grantee_kind = ${kind} AND grantee_id = ${grantee}`, on)})`.as(
    "own_grant",
  );

const onStack = (stackId: StackId) => stackId && sql`stack_id = ${stackId}`;

/** SQL condition: the value is one of these. */
export const isOneOf = (value: SQL, values: readonly (string | number)[]): SQL =>
  sql`${value} IN (SELECT value FROM json_each(${JSON.stringify(values)}))`;

/** The custom roles of the organization. */
export const rolesQuery = ({ store, org }: OrgContext, only?: SQL) =>
  store.db
    .select({ id: customRoles.id, name: customRoles.name, grants: customRoles.grants })
    .from(customRoles)
    .where(and(eq(customRoles.orgId, org.id), only));

/** The teams of the organization, with their roles and their grants. */
export const teamsQuery = ({ store, org }: OrgContext, stackId: StackId, only?: SQL) =>
  store.db
    .select({
      id: teams.id,
      name: teams.name,
      displayName: teams.displayName,
      roleIds: idList(sql`SELECT role_id FROM team_roles WHERE team_id = teams.id`, "role_ids"),
      grant: grantTo("team", sql`teams.id`, onStack(stackId)),
    })
    .from(teams)
    .where(and(eq(teams.orgId, org.id), only));

const idList = (query: SQL, name: string) =>
  sql<string[]>`(SELECT json_group_array(id) FROM (SELECT NULL AS id WHERE 0 UNION ALL ${query}))`
    .mapWith((ids: string) => JSON.parse(ids) as string[])
    .as(name);

/** The role that a member was given, or the organization's default role. */
export const memberRoleId = sql<string | null>`coalesce(members.role_id,
  CASE members.role WHEN 'member' THEN (SELECT default_role_id FROM organizations WHERE organizations.id = members.org_id) END)`;

export const peopleQuery = ({ store, org }: OrgContext, stackId: StackId, only: SQL | undefined) =>
  store.db
    .select({
      id: members.userId,
      login: users.login,
      name: users.name,
      role: members.role,
      roleId: memberRoleId.as("given_role"),
      isDefault: sql<number>`members.role_id IS NULL`.as("is_default"),
      joined: sql<number>`members.created_at`.as("joined"),
      teamIds: idList(sql`SELECT team_id FROM team_members WHERE team_members.user_id = members.user_id`, "team_ids"),
      grant: grantTo(
        "user",
        sql`members.user_id`,
        onStack(stackId) ?? sql`stack_id IN (SELECT id FROM stacks WHERE stacks.org_id = members.org_id)`,
      ),
    })
    .from(members)
    .innerJoin(users, eq(users.id, members.userId))
    .where(and(eq(members.orgId, org.id), only))
    .orderBy(members.createdAt, members.userId);

/** The organization's tokens and those of its teams, also those that have ended. */
export const tokensQuery = ({ store, org }: OrgContext, stackId: StackId, only: SQL | undefined) =>
  store.db
    .select({
      id: accessTokens.id,
      kind: sql<"organization" | "team">`${accessTokens.kind}`.as("token_kind"),
      name: accessTokens.name,
      role: sql<TokenRole>`${accessTokens.role}`.as("token_role"),
      roleId: accessTokens.roleId,
      teamId: accessTokens.teamId,
      createdAt: accessTokens.createdAt,
      expiresAt: accessTokens.expiresAt,
      deletedAt: accessTokens.deletedAt,
      disabledAt: accessTokens.disabledAt,
      retiresAt: accessTokens.retiresAt,
      stackRules: accessTokens.stackRules,
      allowedCidrs: accessTokens.allowedCidrs,
      allowedCountries: accessTokens.allowedCountries,
      grant: grantTo("token", sql`coalesce(access_tokens.family_id, access_tokens.id)`, onStack(stackId)),
    })
    .from(accessTokens)
    .where(and(eq(accessTokens.orgId, org.id), sql`access_tokens.kind IN ('organization', 'team')`, only))
    .orderBy(accessTokens.createdAt, accessTokens.id);

export type RoleRow = Awaited<ReturnType<typeof rolesQuery>>[number];
export type TeamRow = Awaited<ReturnType<typeof teamsQuery>>[number];
export type PersonRow = Awaited<ReturnType<typeof peopleQuery>>[number];
export type TokenRow = Awaited<ReturnType<typeof tokensQuery>>[number];
