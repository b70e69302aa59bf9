import { type SQL, and, eq, isNull, sql } from "drizzle-orm";
import { type Store, batch } from "../db/client.ts";
import { folded } from "./members.ts";
import { scimUsers } from "./table.ts";

/** What an organization's identity provider has said by SCIM about a person who signs in through it. */
export interface Provisioned {
  /** Whether the person may have access. Without it a sign-in must not make a member. */
  active: boolean;
  /**
   * The account that SCIM made for the person, which the sign-in opens and is linked to. Null for an account that existed before: SCIM manages its
   * membership only, and its holder links it as if there were no SCIM.
   */
  userId: string | null;
}

/**
 * Finds the person of a sign-in by the subject, else by one of the names: user name or address. @returns undefined for a person whom SCIM does not
 * know
 */
export async function findProvisioned(store: Store, orgId: string, subject: string, names: string[]): Promise<Provisioned | undefined> {
  const keys = JSON.stringify(names.map(folded));
  const [rows] = await batch(store, [
    store.db
      .select({ active: scimUsers.active, userId: scimUsers.userId, madeAccount: scimUsers.madeAccount })
      .from(scimUsers)
      .where(
        and(
          eq(scimUsers.orgId, orgId),
          isNull(scimUsers.deletedAt),
          sql`(${scimUsers.externalId} = ${subject} OR ${scimUsers.userNameKey} IN (SELECT value FROM json_each(${keys})))`,
        ),
      )
      .orderBy(sql`${scimUsers.externalId} IS ${subject} DESC`, scimUsers.createdAt)
      .limit(1),
  ]);
  const row = rows[0];
  return row && { active: row.active, userId: row.madeAccount ? row.userId : null };
}

/** SQL condition: the organization's identity provider has deactivated the person's user. A sign-in must not make the person a member again. */
export const isInactive = (orgId: string, userId: SQL): SQL =>
  sql`EXISTS (SELECT 1 FROM scim_users WHERE scim_users.org_id = ${orgId} AND scim_users.user_id = ${userId}
    AND NOT scim_users.active AND scim_users.deleted_at IS NULL)`;
