import { eq, sql } from "drizzle-orm";
import type { OrgSettings } from "../context.ts";
import { organizations } from "../orgs/table.ts";

/** A trial starts with its organization, unless an operator has said when it ends. Milliseconds. */
const TRIAL = 14 * 86_400_000;

/**
 * The columns that callers are judged by. `access_tokens` has some of the same names: who selects both gives its own another (`readIdentity`),
 * for D1 mixes up two columns of one name.
 */
export const settingsColumns = {
  version: organizations.settingsVersion,
  edition: organizations.edition,
  trialEndsAt: sql<number>`coalesce(${organizations.trialEndsAt}, ${organizations.createdAt} + ${TRIAL})`.as("trial_ends"),
  defaultStackPermission: organizations.defaultStackPermission,
  membersCanCreateStacks: organizations.membersCanCreateStacks,
  membersCanDeleteStacks: organizations.membersCanDeleteStacks,
  membersCanTransferStacks: organizations.membersCanTransferStacks,
  maxTokenExpiryDays: organizations.maxTokenExpiryDays,
  allowedCidrs: organizations.allowedCidrs,
  allowedCountries: organizations.allowedCountries,
};

/** Holds in a batch while the organization's settings are those that were judged. */
export const settingsAreUnchanged = (orgId: string, settings: OrgSettings) =>
  sql`EXISTS (SELECT 1 FROM ${organizations} WHERE ${eq(organizations.id, orgId)} AND ${eq(organizations.settingsVersion, settings.version)})`;
