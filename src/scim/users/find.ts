import { and, eq, isNotNull, sql } from "drizzle-orm";
import { guarded } from "../../auth/guard.ts";
import type { OrgContext } from "../../context.ts";
import { notTheLastAdmin } from "../../orgs/members.ts";
import { members } from "../../orgs/table.ts";
import { users } from "../../users/table.ts";
import { addressesOf, chooseMember, firstFree, loginsFor } from "../account.ts";
import { notUnique } from "../fault.ts";
import { folded } from "../members.ts";
import { scimSettings, scimUsers } from "../table.ts";
import type { UserAttributes } from "../user.ts";
import { type StoredUser, isHere } from "./read.ts";

/** The account for a SCIM user that has none yet: a member, an account that SCIM made before, or a new one. */
export type Account = { kind: "member" | "own"; userId: string; login: string } | { kind: "new"; userId: string; login: string };

/** The data that a write reads first. */
export interface Surroundings {
  account: Account;
  /** Login of the user's present account; undefined without one. */
  login: string | undefined;
  isMember: boolean;
  /** Whether the person who has the account, or would get it, is the last administrator. */
  isLastAdmin: boolean;
  restoresTokens: boolean;
}

/**
 * Reads in one batch what a write depends on. The batch of the write checks it again, see `change`.
 * @param current undefined for a new user
 * @throws 409 if another user has the name or the external id, or if several members match
 */
export async function readSurroundings(ctx: OrgContext, current: StoredUser | undefined, wanted: UserAttributes): Promise<Surroundings> {
  const { db } = ctx.store;
  const orgId = ctx.org.id;
  const { userName, externalId } = wanted;
  const own = current?.id ?? "";
  const logins = loginsFor(userName, crypto.randomUUID().replaceAll("-", ""));
  const names = JSON.stringify(logins.map((login) => login.toLowerCase()));
  const account = current?.userId ?? "";
  const byLogin = sql<number>`lower(${users.login}) = lower(${userName})`;
  // Each of these is found by an index.
  const ofSubject = sql`SELECT identities.user_id FROM connections JOIN identities ON identities.connection_id = connections.id
    AND identities.issuer = connections.issuer AND identities.subject = ${externalId} WHERE connections.org_id = ${orgId}`;
  const ofLogin = sql`SELECT id FROM users WHERE lower(login) = lower(${userName})`;
  const ofAddress = sql`SELECT id FROM users WHERE lower(email) IN (SELECT value FROM json_each(${JSON.stringify(addressesOf(wanted))}))`;
  const bySubject = sql<number>`${users.id} IN (${ofSubject})`;
  const [collisions, candidates, former, taken, present, settings] = await guarded(ctx, [
    db
      .select({ userName: scimUsers.userName, externalId: scimUsers.externalId })
      .from(scimUsers)
      .where(
        and(
          isHere(ctx),
          sql`${scimUsers.id} <> ${own}`,
          sql`(${scimUsers.userNameKey} = ${folded(userName)} OR ${scimUsers.externalId} = ${externalId})`,
        ),
      )
      .limit(1),
    db
      .select({
        userId: users.id,
        login: users.login,
        byLogin: byLogin.as("by_login"),
        bySubject: bySubject.as("by_subject"),
        isLast: sql<number>`NOT (${notTheLastAdmin(ctx)})`.as("is_last"),
      })
      .from(members)
      .innerJoin(users, eq(users.id, members.userId))
      .where(
        and(
          eq(members.orgId, orgId),
          isNotNull(members.acceptedAt),
          sql`NOT EXISTS (SELECT 1 FROM scim_users AS linked WHERE linked.org_id = ${orgId} AND linked.user_id = ${users.id} AND linked.deleted_at IS NULL
            AND linked.id <> ${own})`,
          sql`${users.id} IN (${ofSubject} UNION ${ofLogin} UNION ${ofAddress})`,
        ),
      )
      .orderBy(sql`by_subject DESC, by_login DESC, ${users.id}`)
      .limit(10),
    // An account that SCIM made for this organization, and that is in no organization.
    db
      .select({ userId: users.id, login: users.login })
      .from(scimUsers)
      .innerJoin(users, eq(users.id, scimUsers.userId))
      .where(
        and(
          eq(scimUsers.orgId, orgId),
          eq(scimUsers.madeAccount, true),
          sql`(${scimUsers.id} = ${own} OR ${scimUsers.deletedAt} IS NOT NULL AND ${scimUsers.userNameKey} = ${folded(userName)})`,
          sql`NOT EXISTS (SELECT 1 FROM members WHERE members.user_id = ${users.id})`,
          sql`NOT EXISTS (SELECT 1 FROM scim_users AS linked WHERE linked.org_id = ${orgId} AND linked.user_id = ${users.id} AND linked.deleted_at IS NULL
            AND linked.id <> ${own})`,
        ),
      )
      .orderBy(sql`${scimUsers.id} = ${own} DESC, ${scimUsers.deletedAt} DESC`)
      .limit(1),
    // The audit log does not distinguish names of people from names of organizations, so a name is taken if either has it.
    db.select({ name: sql<string>`name`.as("taken_name") }).from(
      sql`(SELECT lower(login) AS name FROM users WHERE lower(login) IN (SELECT value FROM json_each(${names}))
          UNION SELECT lower(name) FROM organizations WHERE lower(name) IN (SELECT value FROM json_each(${names})))`,
    ),
    db
      .select({
        login: users.login,
        isMember: sql<number>`EXISTS (SELECT 1 FROM members WHERE org_id = ${orgId} AND user_id = ${account})`.as("is_member"),
        isLastAdmin:
          sql<number>`EXISTS (SELECT 1 FROM members WHERE org_id = ${orgId} AND user_id = ${account} AND NOT (${notTheLastAdmin(ctx)}))`.as(
            "is_last",
          ),
      })
      .from(users)
      .where(eq(users.id, account)),
    db.select({ restoresTokens: scimSettings.restoresTokens }).from(scimSettings).where(eq(scimSettings.orgId, orgId)),
  ]);
  if (collisions[0]) throw taken409(collisions[0], wanted);
  const needsAccount = (wanted.active || !current) && !current?.former && !(present[0]?.isMember === 1);
  const chosen = needsAccount
    ? chooseMember(
        candidates.map((row) => ({ ...row, byLogin: row.byLogin === 1, bySubject: row.bySubject === 1, isLastAdmin: row.isLast === 1 })),
        userName,
      )
    : undefined;
  const free = () =>
    firstFree(
      logins,
      taken.map(({ name }) => name),
    );
  return {
    account: chosen
      ? { kind: "member", userId: chosen.userId, login: chosen.login }
      : former[0]
        ? { kind: "own", ...former[0] }
        : { kind: "new", userId: crypto.randomUUID(), login: needsAccount ? free() : "" },
    login: present[0]?.login,
    isMember: present[0]?.isMember === 1,
    isLastAdmin: present[0]?.isLastAdmin === 1 || (!current && chosen?.isLastAdmin === true),
    restoresTokens: settings[0]?.restoresTokens ?? false,
  };
}

const taken409 = (other: { userName: string }, { userName, externalId }: UserAttributes) =>
  folded(other.userName) === folded(userName)
    ? notUnique(`Another user has the userName "${userName}".`)
    : notUnique(`Another user has the externalId "${externalId}".`);
