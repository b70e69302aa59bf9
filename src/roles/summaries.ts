import { and, eq, isNull, sql } from "drizzle-orm";
import type { ScopeGrant } from "../access/descriptor.ts";
import { guarded } from "../auth/guard.ts";
import { orgPermissions } from "../access/permissions.ts";
import { rightsOfRole, settingsOf } from "../auth/policy.ts";
import type { OrgContext } from "../context.ts";
import { members } from "../orgs/table.ts";
import { teamRoles, teams } from "../teams/table.ts";
import { accessTokens } from "../tokens/table.ts";
import { type BuiltInRole, builtInRoleNames, builtInRoles, roleId } from "./builtIn.ts";
import { builtInSets, grantsOfSet, setId } from "./builtInSets.ts";
import { builtInDescriptions, organizationOf } from "./record.ts";
import { customRoles, type uxPurposes } from "./table.ts";

/** A role or permission set in a list for people. */
export interface RoleSummary {
  id: string;
  /** Only for a built-in role. */
  builtIn?: BuiltInRole;
  isCustom: boolean;
  name: string;
  description: string;
  purpose: (typeof uxPurposes)[number];
  isDefault: boolean;
  /** Undefined if they are too long to be read for a list. */
  grants: ScopeGrant[] | undefined;
}

/** Maximum length of grants that a list reads, in characters. A list may have a thousand roles. */
const MOST_READ = 10_000;

/** The grants of a built-in role with the organization's present settings. */
export const grantsOfBuiltIn = (ctx: OrgContext, role: BuiltInRole): ScopeGrant[] => [
  { scopes: role === "admin" ? [...orgPermissions] : rightsOfRole(role, settingsOf(ctx)), rules: null },
];

const summaryQuery = (ctx: OrgContext) =>
  ctx.store.db
    .select({
      id: customRoles.id,
      name: customRoles.name,
      description: customRoles.description,
      purpose: customRoles.uxPurpose,
      grants: sql<string | null>`CASE WHEN length(grants) <= ${MOST_READ} THEN grants END`.as("short_grants"),
    })
    .from(customRoles)
    .where(eq(customRoles.orgId, ctx.org.id))
    .orderBy(sql`lower(name)`);

type Row = Awaited<ReturnType<typeof summaryQuery>>[number];

function toSummaries(ctx: OrgContext, rows: Row[], defaultRoleId: string | null): RoleSummary[] {
  return [
    ...builtInRoleNames.map((role) => ({
      id: roleId(ctx.org.id, role),
      builtIn: role,
      isCustom: false,
      name: builtInRoles[role].name,
      description: builtInDescriptions[role],
      purpose: "role" as const,
      isDefault: role === "member" && defaultRoleId === null,
      grants: grantsOfBuiltIn(ctx, role),
    })),
    ...builtInSets.map((set) => ({
      id: setId(ctx.org.id, set.key),
      isCustom: false,
      name: set.name,
      description: set.description,
      purpose: "set" as const,
      isDefault: false,
      grants: grantsOfSet(set),
    })),
    ...rows.map(({ grants, ...row }) => ({
      ...row,
      isCustom: true,
      isDefault: row.id === defaultRoleId,
      grants: grants === null ? undefined : (JSON.parse(grants) as ScopeGrant[]),
    })),
  ];
}

/** Lists all roles and permission sets, the built-in ones first, without their trees. */
export async function summarizeRoles(ctx: OrgContext): Promise<RoleSummary[]> {
  const [[org], rows] = await guarded(ctx, [organizationOf(ctx), summaryQuery(ctx)]);
  return toSummaries(ctx, rows, org!.defaultRoleId);
}

export interface HolderCounts {
  people: number;
  teams: number;
  tokens: number;
}

/** Lists all roles and permission sets with the number of holders of each, by id. People without an assigned role hold the default role. */
export async function summarizeRolesInUse(ctx: OrgContext): Promise<{ roles: RoleSummary[]; counts: Map<string, HolderCounts> }> {
  const { db } = ctx.store;
  const count = sql<number>`count(*)`.as("holders");
  const [[org], rows, people, ofTeams, tokens] = await guarded(ctx, [
    organizationOf(ctx),
    summaryQuery(ctx),
    db
      .select({ role: members.role, roleId: members.roleId, count })
      .from(members)
      .where(eq(members.orgId, ctx.org.id))
      .groupBy(members.role, members.roleId),
    db
      .select({ roleId: teamRoles.roleId, count })
      .from(teamRoles)
      .innerJoin(teams, eq(teams.id, teamRoles.teamId))
      .where(eq(teams.orgId, ctx.org.id))
      .groupBy(teamRoles.roleId),
    db
      .select({ role: accessTokens.role, roleId: accessTokens.roleId, count })
      .from(accessTokens)
      .where(and(eq(accessTokens.orgId, ctx.org.id), eq(accessTokens.kind, "organization"), isNull(accessTokens.deletedAt)))
      .groupBy(accessTokens.role, accessTokens.roleId),
  ]);
  const counts = new Map<string, HolderCounts>();
  const add = (id: string, kind: keyof HolderCounts, holders: number) => {
    const known = counts.get(id) ?? { people: 0, teams: 0, tokens: 0 };
    counts.set(id, { ...known, [kind]: known[kind] + holders });
  };
  const defaultId = org!.defaultRoleId ?? roleId(ctx.org.id, "member");
  for (const one of people) add(one.roleId ?? (one.role === "member" ? defaultId : roleId(ctx.org.id, one.role)), "people", one.count);
  for (const one of ofTeams) add(one.roleId, "teams", one.count);
  for (const one of tokens) add(one.roleId ?? roleId(ctx.org.id, one.role), "tokens", one.count);
  return { roles: toSummaries(ctx, rows, org!.defaultRoleId), counts };
}
