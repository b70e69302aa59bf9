import { type SQL, and, eq, sql } from "drizzle-orm";
import { circumstancesOf } from "../auth/editions.ts";
import { guarded } from "../auth/guard.ts";
import { lives } from "../auth/lives.ts";
import { isStackGranted } from "../auth/onStack.ts";
import { mayAs, membershipOf, settingsOf } from "../auth/policy.ts";
import { has } from "../auth/right.ts";
import { visibleHere } from "../auth/visible.ts";
import type { OrgContext } from "../context.ts";
import { badRequest } from "../errors.ts";
import { members, organizations } from "../orgs/table.ts";
import { customRoles } from "../roles/table.ts";
import { stacks } from "../stacks/table.ts";
import { stackGrants, teamMembers, teamRoles, teams } from "../teams/table.ts";
import { accessTokens } from "../tokens/table.ts";
import { updates } from "../updates/table.ts";
import type { Place, Stack } from "./rights.ts";
import { type Tables, byKey } from "./tables.ts";
import type { Touched } from "./touched.ts";

/** Maximum number of rows that one dry run reads: of people, of tokens and of teams, of stacks, and of other rows. */
const MOST_SUBJECTS = 5000;
const MOST_STACKS = 10_000;
const MOST_ROWS = 100_000;
/** Maximum number of running updates that one answer names. */
const MOST_UPDATES = 100;

/** The rows from which a dry run is computed. @property truncated whether there is more than was read */
export interface World {
  tables: Tables;
  place: Place;
  truncated: boolean;
}

const json = (ids: string[]) => sql`(SELECT value FROM json_each(${JSON.stringify(ids)}))`;

/**
 * Reads the people, tokens and teams whose rights may change, with all rows that their rights follow from, in one batch. It leaves out the
 * tokens that the caller may not list, and the stacks whose access the caller may not read.
 */
export async function readWorld(ctx: OrgContext, touched: Touched): Promise<World> {
  const { db } = ctx.store;
  const org = ctx.org.id;
  const everyone = touched.everyone ? sql`1` : sql`0`;

  const holding = sql`SELECT team_id FROM team_roles WHERE role_id IN ${json(touched.roles)}`;
  const affectedTeams = sql`(SELECT value FROM json_each(${JSON.stringify(touched.teams)}) UNION ${holding})`;
  const isPerson = sql`members.org_id = ${org} AND (${everyone} OR members.user_id IN ${json(touched.users)} OR members.role_id IN ${json(touched.roles)}
    OR members.role_id IS NULL AND members.role = 'member' AND (SELECT default_role_id FROM organizations WHERE id = ${org}) IN ${json(touched.roles)}
    OR members.user_id IN (SELECT user_id FROM team_members WHERE team_id IN ${affectedTeams}))`;
  const isToken = and(
    sql`access_tokens.org_id = ${org}`,
    lives(ctx.now),
    listable(ctx),
    sql`(${everyone} OR access_tokens.id IN ${json(touched.tokens)} OR access_tokens.role_id IN ${json(touched.roles)}
      OR coalesce(access_tokens.family_id, access_tokens.id) IN ${json(touched.families)} OR access_tokens.team_id IN ${affectedTeams})`,
  )!;
  const people = sql`(SELECT user_id FROM members WHERE ${isPerson})`;
  const ofOrg = sql`(SELECT id FROM teams WHERE org_id = ${org})`;
  // The teams among the subjects, and the teams whose roles and grants the people and tokens have, now or after the change.
  const neededTeams = sql`(SELECT value FROM json_each(${JSON.stringify([...touched.teams, ...touched.joined])}) UNION ${holding}
    UNION SELECT id FROM teams WHERE org_id = ${org} AND ${everyone} UNION SELECT team_id FROM team_members WHERE user_id IN ${people} AND team_id IN ${ofOrg}
    UNION SELECT team_id FROM access_tokens WHERE team_id IS NOT NULL AND ${isToken})`;
  const neededStacks = and(
    sql`stacks.org_id = ${org} AND stacks.deleted_at IS NULL`,
    touched.stacks && sql`stacks.id IN ${json(touched.stacks)}`,
    visibleHere(ctx),
    accessIsReadable(ctx),
  )!;
  const firstStacks = sql`(SELECT id FROM stacks WHERE ${neededStacks} ORDER BY project, name LIMIT ${MOST_STACKS})`;

  const [orgRows, peopleRows, tokenRows, teamRows, inTeams, ofTeams, roleRows, grantRows, stackRows] = await guarded(ctx, [
    db
      .select({
        id: organizations.id,
        defaultRoleId: organizations.defaultRoleId,
        defaultStackPermission: organizations.defaultStackPermission,
        membersCanCreateStacks: organizations.membersCanCreateStacks,
        membersCanDeleteStacks: organizations.membersCanDeleteStacks,
        membersCanTransferStacks: organizations.membersCanTransferStacks,
      })
      .from(organizations)
      .where(sql`id = ${org}`),
    db
      .select({
        userId: members.userId,
        role: members.role,
        roleId: members.roleId,
        login: sql<string>`(SELECT login FROM users WHERE users.id = members.user_id)`.as("person_login"),
      })
      .from(members)
      .where(isPerson)
      .orderBy(sql`person_login`)
      .limit(MOST_SUBJECTS + 1),
    db
      .select({
        id: accessTokens.id,
        kind: accessTokens.kind,
        name: accessTokens.name,
        role: accessTokens.role,
        roleId: accessTokens.roleId,
        teamId: accessTokens.teamId,
        familyId: accessTokens.familyId,
        stackRules: accessTokens.stackRules,
        deletedAt: accessTokens.deletedAt,
      })
      .from(accessTokens)
      .where(isToken)
      .orderBy(accessTokens.name)
      .limit(MOST_SUBJECTS + 1),
    db
      .select({ id: teams.id, name: teams.name })
      .from(teams)
      .where(
        sql`org_id = ${org} AND (${everyone} OR id IN ${affectedTeams} OR id IN ${json(touched.joined)}
          OR id IN (SELECT team_id FROM team_members WHERE role = 'admin' AND user_id IN ${people}))`,
      )
      .orderBy(teams.name)
      .limit(MOST_SUBJECTS + 1),
    db
      .select({ teamId: teamMembers.teamId, userId: teamMembers.userId, role: teamMembers.role })
      .from(teamMembers)
      .where(sql`user_id IN ${people} AND team_id IN ${ofOrg}`)
      .limit(MOST_ROWS + 1),
    db
      .select({ teamId: teamRoles.teamId, roleId: teamRoles.roleId })
      .from(teamRoles)
      .where(sql`team_id IN ${neededTeams}`)
      .limit(MOST_ROWS + 1),
    db
      .select({ id: customRoles.id, grants: customRoles.grants })
      .from(customRoles)
      .where(
        sql`org_id = ${org} AND (id IN ${json([...touched.roles, ...touched.given])} OR id IN (SELECT role_id FROM members WHERE ${isPerson})
          OR id = (SELECT default_role_id FROM organizations WHERE organizations.id = ${org})
          OR id IN (SELECT role_id FROM access_tokens WHERE ${isToken}) OR id IN (SELECT role_id FROM team_roles WHERE team_id IN ${neededTeams}))`,
      ),
    db
      .select({
        stackId: stackGrants.stackId,
        granteeKind: stackGrants.granteeKind,
        granteeId: stackGrants.granteeId,
        permission: stackGrants.permission,
      })
      .from(stackGrants)
      .where(
        sql`stack_id IN ${firstStacks} AND (grantee_kind = 'user' AND grantee_id IN ${people} OR grantee_kind = 'team' AND grantee_id IN ${neededTeams}
          OR grantee_kind = 'token' AND grantee_id IN (SELECT coalesce(family_id, id) FROM access_tokens WHERE ${isToken}))`,
      )
      .limit(MOST_ROWS + 1),
    db
      .select({
        stackId: stacks.id,
        project: stacks.project,
        name: stacks.name,
        tags: sql<string>`(SELECT json_group_array(json_array(name, value)) FROM stack_tags WHERE stack_id = stacks.id)`.as("tags"),
      })
      .from(stacks)
      .where(neededStacks)
      .orderBy(stacks.project, stacks.name)
      .limit(MOST_STACKS + 1),
  ]);
  const subjects = [peopleRows, tokenRows, teamRows];
  const others = [inTeams, ofTeams, grantRows];
  const isCut = stackRows.length > MOST_STACKS || subjects.some((rows) => rows.length > MOST_SUBJECTS);
  // Rights that were not read would look like rights that are gained.
  if (others.some((rows) => rows.length > MOST_ROWS)) throw tooLarge();
  return {
    tables: {
      organizations: byKey("organizations", orgRows),
      members: byKey("members", peopleRows.slice(0, MOST_SUBJECTS)),
      accessTokens: byKey("accessTokens", tokenRows.slice(0, MOST_SUBJECTS)),
      teams: byKey("teams", teamRows.slice(0, MOST_SUBJECTS)),
      teamMembers: byKey("teamMembers", inTeams),
      teamRoles: byKey("teamRoles", ofTeams),
      customRoles: byKey("customRoles", roleRows),
      stackGrants: byKey("stackGrants", grantRows),
    },
    place: {
      org: ctx.org,
      settings: settingsOf(ctx),
      circumstances: circumstancesOf(ctx),
      stacks: stackRows.slice(0, MOST_STACKS).map(toStack),
    },
    truncated: isCut,
  };
}

const toStack = ({ tags, ...stack }: Omit<Stack, "tags"> & { tags: string }): Stack => ({
  ...stack,
  tags: Object.fromEntries(JSON.parse(tags) as [string, string][]),
});

/** The query of the running updates of these tokens, on stacks that the caller may know. */
export const runningUpdates = (ctx: OrgContext, tokenIds: string[]) =>
  ctx.store.db
    .select({
      projectName: stacks.project,
      stackName: stacks.name,
      updateID: sql<string>`${updates.id}`.as("update_id"),
      kind: updates.kind,
    })
    .from(updates)
    .innerJoin(stacks, eq(stacks.id, updates.stackId))
    .where(
      and(
        sql`stacks.org_id = ${ctx.org.id} AND ${updates.tokenId} IN ${json(tokenIds)} AND ${updates.status} = 'running'`,
        visibleHere(ctx),
      ),
    )
    .orderBy(updates.startedAt)
    .limit(MOST_UPDATES);

/** SQL condition on a row of `stacks`: the caller may read who has access to the stack. */
function accessIsReadable(ctx: OrgContext): SQL | undefined {
  const place = membershipOf(ctx);
  return mayAs(place, "stack_access:read") ? undefined : isStackGranted(ctx.actor, [place], "stack_access:read");
}

/**
 * SQL condition on a row of `access_tokens`: a machine token that the caller may list. Exchanged tokens are in the list of their issuer
 * alone.
 */
function listable(ctx: OrgContext): SQL {
  const { actor } = ctx;
  const administered = sql`team_id IN (SELECT team_id FROM team_members WHERE role = 'admin' AND user_id = ${actor.kind === "user" ? actor.user.id : ""})`;
  const ofTeams = has(ctx, "team:list_tokens") ? sql`1` : administered;
  const own = sql`(access_tokens.kind = 'organization' AND ${has(ctx, "org_token:read") ? sql`1` : sql`0`} OR access_tokens.kind = 'team' AND ${ofTeams})`;
  return sql`CASE WHEN access_tokens.issuer_id IS NULL THEN ${own} ELSE access_tokens.kind IN ('organization', 'team') AND ${has(ctx, "oidc_issuers:read") ? sql`1` : sql`0`} END`;
}

const tooLarge = () =>
  badRequest(
    `a dry run reads at most ${MOST_ROWS} memberships of teams, roles of teams and grants on stacks, and this change concerns more of them: make the call without dryRun`,
  );
