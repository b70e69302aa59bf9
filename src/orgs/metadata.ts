import { and, eq, sql } from "drizzle-orm";
import { circumstancesOf, hasEverything } from "../auth/editions.ts";
import { guarded } from "../auth/guard.ts";
import { membershipIn } from "../auth/policy.ts";
import { settingsColumns } from "../auth/settings.ts";
import { visibleHere } from "../auth/visible.ts";
import { wireRole } from "../auth/wireRole.ts";
import type { OrgContext } from "../context.ts";
import type { OrganizationMetadata } from "./openapi.ts";
import { featuresOf } from "./features.ts";
import { notHere } from "./notHere.ts";
import { type Edition, organizations } from "./table.ts";

/** The contract's names of editions. */
const products: Record<Edition, string> = {
  community: "community",
  team: "team-pro",
  enterprise: "enterprise",
  "business-critical": "business-critical",
};

/** The organization and its settings, as any member may see them. */
export async function getOrganizationMetadata(ctx: OrgContext) {
  const [rows] = await guarded(ctx, [metadataOf(ctx)]);
  return toMetadata(ctx, rows[0]!);
}

export const metadataOf = (ctx: OrgContext) =>
  ctx.store.db
    .select({
      ...settingsColumns,
      createdAt: organizations.createdAt,
      inFlightRevocation: organizations.inFlightRevocation,
      maxDrainHours: organizations.maxDrainHours,
      auditRetentionDays: organizations.auditRetentionDays,
      disableUnusedTokensAfterDays: organizations.disableUnusedTokensAfterDays,
      memberCount: sql<number>`(SELECT count(*) FROM members WHERE org_id = ${ctx.org.id})`.as("member_count"),
      stackCount: sql<number>`(SELECT count(*) FROM stacks WHERE ${countedStacks(ctx)})`.as("stack_count"),
    })
    .from(organizations)
    .where(eq(organizations.id, ctx.org.id));

/** The stacks that the caller may list. */
const countedStacks = (ctx: OrgContext) => and(sql`stacks.org_id = ${ctx.org.id} AND stacks.deleted_at IS NULL`, visibleHere(ctx));

type Row = Awaited<ReturnType<typeof metadataOf>>[number];

export function toMetadata(ctx: OrgContext, row: Row): OrganizationMetadata {
  const { now, defaultEdition } = circumstancesOf(ctx);
  const everything = hasEverything(row, defaultEdition, now);
  const byItself = hasEverything({ ...row, trialEndsAt: 0 }, defaultEdition, now);
  const role = membershipIn(ctx.actor, ctx.org.name)?.role;
  return {
    ...notHere,
    id: ctx.org.id,
    kind: "pulumi",
    created: new Date(row.createdAt).toISOString(),
    userRole: role ? wireRole(role) : "none",
    memberCount: row.memberCount,
    stackCount: row.stackCount,
    defaultStackPermission: row.defaultStackPermission,
    membersCanCreateStacks: row.membersCanCreateStacks,
    membersCanDeleteStacks: row.membersCanDeleteStacks,
    membersCanTransferStacks: row.membersCanTransferStacks,
    maxAccessTokenExpiryDays: row.maxTokenExpiryDays ?? undefined,
    product: products[row.edition ?? defaultEdition],
    subscriptionStatus: everything && !byItself ? "trialing" : "active",
    subscriptionTrialEnd: byItself ? undefined : Math.floor(row.trialEndsAt / 1000),
    auditLogsEnabled: everything,
    features: featuresOf(everything),
    inFlightRevocation: row.inFlightRevocation,
    maxDrainHours: row.maxDrainHours,
    auditRetentionDays: row.auditRetentionDays ?? undefined,
    disableUnusedTokensAfterDays: row.disableUnusedTokensAfterDays ?? undefined,
    allowedCidrs: row.allowedCidrs,
    allowedCountries: row.allowedCountries,
  };
}
