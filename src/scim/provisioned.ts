import { type SQL, and, eq, isNull, sql } from "drizzle-orm";
import { type Store, batch } from "../db/client.ts";
import { folded } from "./members.ts";
import { scimUsers } from "./table.ts";

/** The SCIM user that an organization's identity provider has created for a person who signs in through it. */
export interface Provisioned {
  /** Whether the person may have access. Without it a sign-in must not make a member. */
  active: boolean;
  /** The account whose membership SCIM manages. The person gets no second one, because a deactivation would not end it. Null: none yet. */
  userId: string | null;
  /**
   * How the sign-in opens that account without asking the person: `subject`, or `name` while no other identity of the connection is linked
   * to it. Undefined if the account existed before SCIM, because then its holder links it in a sign-in, and if SCIM says too little about
   * the person.
   */
  opens: "subject" | "name" | undefined;
}

/** The names of a person who signs in, "" for none. */
export interface Names {
  /** The name at the provider, which the person may be able to choose. */
  userName: string;
  /** The confirmed address. */
  address: string;
}

/**
 * Finds the person of a sign-in by the subject, else by the name or the address. A name that the provider does not confirm does not open an account that
 * has an external id, because that is the subject of somebody else. @returns undefined for a person whom SCIM does not know
 */
export async function findProvisioned(store: Store, orgId: string, subject: string, names: Names): Promise<Provisioned | undefined> {
  const [userName, address] = [folded(names.userName), folded(names.address)];
  const [rows] = await batch(store, [
    store.db
      .select({
        active: sql<number>`${scimUsers.active} OR ${isMember}`.as("is_active"),
        userId: scimUsers.userId,
        madeAccount: scimUsers.madeAccount,
        externalId: scimUsers.externalId,
        userNameKey: scimUsers.userNameKey,
      })
      .from(scimUsers)
      .where(
        and(
          eq(scimUsers.orgId, orgId),
          isNull(scimUsers.deletedAt),
          sql`(${scimUsers.externalId} = ${subject} OR ${scimUsers.userNameKey} IN (${userName}, ${address})
            OR ${address} <> '' AND EXISTS (SELECT 1 FROM json_each(${scimUsers.profile}, '$.emails') WHERE lower(value->>'$.value') = ${address}))`,
        ),
      )
      .orderBy(
        sql`${scimUsers.externalId} IS ${subject} DESC`,
        sql`${scimUsers.userNameKey} = ${address} DESC`,
        sql`${scimUsers.userNameKey} = ${userName} DESC`,
        scimUsers.createdAt,
      )
      .limit(1),
  ]);
  const row = rows[0];
  if (!row) return undefined;
  const isNamed = row.userNameKey === address || (row.userNameKey === userName && row.externalId === null);
  const opens = row.externalId === subject ? "subject" : isNamed ? "name" : undefined;
  return { active: row.active === 1, userId: row.userId, opens: row.madeAccount ? opens : undefined };
}

/**
 * SQL condition on a row of `scim_users`: its person is a member, perhaps because an administrator removed the person by hand and added the
 * person again.
 */
const isMember = sql`EXISTS (SELECT 1 FROM members WHERE members.org_id = scim_users.org_id AND members.user_id = scim_users.user_id)`;

/**
 * SQL condition: the organization's identity provider has deactivated the person's user. A sign-in must not make the person a member again.
 */
export const isInactive = (orgId: string, userId: SQL): SQL =>
  sql`EXISTS (SELECT 1 FROM scim_users WHERE scim_users.org_id = ${orgId} AND scim_users.user_id = ${userId}
    AND NOT scim_users.active AND scim_users.deleted_at IS NULL AND NOT ${isMember})`;
