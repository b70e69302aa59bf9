import { sql } from "drizzle-orm";
import type { OrgSettings } from "../context.ts";
import { organizations } from "../orgs/table.ts";

/** Length of a trial, which begins with its organization, unless an operator has set its end. Milliseconds. */
const TRIAL = 14 * 86_400_000;

/**
 * The columns that decisions about callers depend on. `access_tokens` has columns with the same names. A query that selects both must rename
 * its own (`identityQueries`), because D1 confuses two columns of one name.
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
  ssoRequired: organizations.ssoRequired,
  ssoReauthDays: organizations.ssoReauthDays,
};

/** SQL condition: the organization's settings are unchanged since they were checked. */
export const settingsAreUnchanged = (orgId: string, settings: OrgSettings) =>
  sql`EXISTS (SELECT 1 FROM organizations WHERE organizations.id = ${orgId} AND organizations.settings_version = ${settings.version})`;
