import { type SQL, and, eq, isNull, sql } from "drizzle-orm";
import type { ScopeGrant } from "../access/descriptor.ts";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { notFound } from "../errors.ts";
import { invites, members } from "../orgs/table.ts";
import { teamRoles, teams } from "../teams/table.ts";
import { accessTokens } from "../tokens/table.ts";
import { users } from "../users/table.ts";
import { type BuiltInRole, builtInRoles, findRole, roleId } from "./builtIn.ts";
import { findSet, grantsOfSet } from "./builtInSets.ts";
import { shownRole } from "./get.ts";
import { builtInDescriptions, organizationOf } from "./record.ts";
import { grantsOfBuiltIn } from "./summaries.ts";
import { customRoles, roleParts, type uxPurposes } from "./table.ts";

/** Maximum number of holders of one kind that are named. */
const MOST_NAMED = 40;

interface Holders<T> {
  total: number;
  named: T[];
}

/** A role or permission set, and everything that its deletion would affect. */
export interface RoleInUse {
  id: string;
  builtIn?: BuiltInRole;
  isCustom: boolean;
  name: string;
  description: string;
  purpose: (typeof uxPurposes)[number];
  /** The tree of a custom record, word for word. */
  details?: string;
  grants: ScopeGrant[];
  isDefault: boolean;
  /** The role of members without an assigned role. */
  defaultRoleName: string;
  /** People to whom the role was assigned, and for the default role also those without an assigned role. */
  people: Holders<{ login: string; byDefault: boolean }>;
  teams: Holders<{ name: string; displayName: string }>;
  tokens: Holders<{ id: string; name: string }>;
  /** Pending invitations that give the role. */
  invitations: number;
  /** The custom records that include this one. */
  includedIn: { id: string; name: string }[];
}

/** Reads one record with its holders. @throws 404 for an id that this organization does not have */
export async function readRoleInUse(ctx: OrgContext, id: string): Promise<RoleInUse> {
  const { db } = ctx.store;
  const builtIn = findRole(ctx.org.id, id);
  const explicit = builtIn ? roleId(ctx.org.id, builtIn) : id;
  const isDefault = sql`(SELECT default_role_id FROM organizations WHERE organizations.id = ${ctx.org.id}) IS ${builtIn === "member" ? null : id}`;
  const byDefault = sql`(${members.roleId} IS NULL AND ${members.role} = 'member')`;
  const holding =
    builtIn && builtIn !== "member"
      ? sql`(${members.roleId} IS NULL AND ${members.role} = ${builtIn})`
      : sql`(${byDefault} AND ${isDefault})`;
  const isPerson = sql`${members.orgId} = ${ctx.org.id} AND (${members.roleId} = ${explicit} OR ${holding})`;
  const isTeam = sql`${teams.orgId} = ${ctx.org.id} AND ${teamRoles.roleId} = ${id}`;
  const isToken = and(
    eq(accessTokens.orgId, ctx.org.id),
    eq(accessTokens.kind, "organization"),
    isNull(accessTokens.deletedAt),
    builtIn ? and(eq(accessTokens.role, builtIn), isNull(accessTokens.roleId)) : eq(accessTokens.roleId, id),
  )!;
  const total = sql<number>`count(*)`.as("total");
  const invited: SQL = builtIn
    ? sql`(${invites.role} = ${builtIn} AND (${invites.roleId} IS NULL OR ${invites.roleId} = ${explicit}))`
    : sql`${invites.roleId} = ${id}`;
  const [[org], rows, people, [peopleTotal], inTeams, [teamTotal], tokens, [tokenTotal], [invitations], includedIn, defaults] =
    await guarded(ctx, [
      organizationOf(ctx),
      shownRole(ctx, id),
      db
        .select({ login: users.login, byDefault: sql<number>`${members.roleId} IS NULL`.as("by_default") })
        .from(members)
        .innerJoin(users, eq(users.id, members.userId))
        .where(isPerson)
        .orderBy(users.login)
        .limit(MOST_NAMED),
      db.select({ total }).from(members).where(isPerson),
      db
        .select({ name: teams.name, displayName: teams.displayName })
        .from(teams)
        .innerJoin(teamRoles, eq(teamRoles.teamId, teams.id))
        .where(isTeam)
        .orderBy(teams.name)
        .limit(MOST_NAMED),
      db.select({ total }).from(teams).innerJoin(teamRoles, eq(teamRoles.teamId, teams.id)).where(isTeam),
      db
        .select({ id: accessTokens.id, name: accessTokens.name })
        .from(accessTokens)
        .where(isToken)
        .orderBy(accessTokens.name)
        .limit(MOST_NAMED),
      db.select({ total }).from(accessTokens).where(isToken),
      db
        .select({ total })
        .from(invites)
        .where(and(eq(invites.orgId, ctx.org.id), eq(invites.status, "pending"), invited)),
      db
        .select({ id: customRoles.id, name: customRoles.name })
        .from(customRoles)
        .innerJoin(roleParts, eq(roleParts.roleId, customRoles.id))
        .where(and(eq(customRoles.orgId, ctx.org.id), eq(roleParts.partId, id)))
        .orderBy(customRoles.name)
        .limit(MOST_NAMED),
      db
        .select({ name: customRoles.name })
        .from(customRoles)
        .where(sql`id = (SELECT default_role_id FROM organizations WHERE organizations.id = ${ctx.org.id})`),
    ]);
  return {
    ...recordOf(ctx, id, builtIn, rows),
    isDefault: builtIn === "member" ? org!.defaultRoleId === null : org!.defaultRoleId === id,
    defaultRoleName: defaults[0]?.name ?? builtInRoles.member.name,
    people: {
      total: peopleTotal!.total,
      named: people.map(({ login, byDefault: implicit }) => ({
        login,
        byDefault: implicit === 1 && (builtIn === undefined || builtIn === "member"),
      })),
    },
    teams: { total: teamTotal!.total, named: inTeams },
    tokens: { total: tokenTotal!.total, named: tokens },
    invitations: invitations!.total,
    includedIn,
  };
}

function recordOf(ctx: OrgContext, id: string, builtIn: BuiltInRole | undefined, rows: Awaited<ReturnType<typeof shownRole>>) {
  if (builtIn) {
    const { name } = builtInRoles[builtIn];
    const grants = grantsOfBuiltIn(ctx, builtIn);
    return {
      id: roleId(ctx.org.id, builtIn),
      builtIn,
      isCustom: false,
      name,
      description: builtInDescriptions[builtIn],
      purpose: "role" as const,
      grants,
    };
  }
  const set = findSet(ctx.org.id, id);
  if (set) return { id, isCustom: false, name: set.name, description: set.description, purpose: "set" as const, grants: grantsOfSet(set) };
  const row = rows[0];
  if (!row) throw notFound("Role");
  const { name, description, uxPurpose: purpose, details, grants } = row;
  return { id, isCustom: true, name, description, purpose, details, grants };
}
