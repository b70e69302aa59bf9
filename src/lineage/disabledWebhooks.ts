import { type SQL, sql } from "drizzle-orm";
import { webhooks } from "../webhooks/table.ts";

/** The columns of a webhook whose credential was revoked. It may already have been inactive. Activating it takes a decision of its own. */
export const disabledByRevocation = () => ({
  active: false,
  disabledFor: "revoked" as const,
  version: sql`${webhooks.version} + 1`,
});

/** SQL condition: the webhook is not deactivated for this reason yet. */
export const isNotDisabledYet: SQL = sql`webhooks.disabled_for IS NOT 'revoked'`;
