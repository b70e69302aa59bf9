import { type SQL, and, eq, isNotNull, sql } from "drizzle-orm";
import type { RequestContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { findProvisioned, isInactive } from "../scim/provisioned.ts";
import { users } from "../users/table.ts";
import { type Person, domainOf } from "./claims.ts";
import { mayJoin } from "./decide.ts";
import type { Provider } from "./provider.ts";
import { refuseSignIn } from "./refusal.ts";
import { domains, identities } from "./table.ts";

export interface Account {
  user: { id: string; login: string; name: string };
  /** Whether the person is in the organization of the provider. */
  isMember: boolean;
  /** The organizations whose memberships the person has accepted, as ids. */
  orgIds: string[];
}

/** The account, identity and SCIM user of a person who signs in through a provider. */
export interface Found {
  /** The identity and its account; undefined at the first sign-in. */
  known: { identityId: string; account: Account } | undefined;
  /** The account that SCIM made for the person, at the first sign-in. */
  provisioned: Account | undefined;
  /** Id of the account whose membership SCIM manages for the person: the first sign-in opens no other account. */
  managedId: string | undefined;
  /** Whether the provider may make the person a member, or give the person an account. */
  mayJoin: boolean;
}

const fields = (orgId: string | null) => ({
  id: sql<string>`users.id`.as("user_id"),
  login: users.login,
  name: users.name,
  isMember: sql<number>`EXISTS (SELECT 1 FROM members WHERE members.user_id = users.id AND members.org_id = ${orgId})`.as("is_member"),
  orgIds: sql<string>`(SELECT json_group_array(org_id) FROM members WHERE members.user_id = users.id AND accepted_at IS NOT NULL)`.as(
    "org_ids",
  ),
});

const toAccount = ({
  id,
  login,
  name,
  isMember,
  orgIds,
}: {
  id: string;
  login: string;
  name: string;
  isMember: number;
  orgIds: string;
}): Account => ({
  user: { id, login, name },
  isMember: isMember === 1,
  orgIds: JSON.parse(orgIds) as string[],
});

/** SQL condition: the identity of the person. The address is no part of it (identity-facts O-1). */
export const thatIdentity = (provider: Provider, { subject }: Person): SQL =>
  and(eq(identities.connectionId, provider.id), eq(identities.issuer, provider.issuer), eq(identities.subject, subject))!;

/**
 * Finds the account of a person. An account that SCIM of the same organization created is found by the subject, which is the external id,
 * or by the user name. It is found by the user name only while no other identity of the connection is linked to it, so that nobody can take
 * over an account by choosing its name. People choose their own login at GitHub, so a login there does not count as such a user name.
 * @throws 403 for a person whom SCIM has deactivated
 */
export async function findPerson(ctx: RequestContext, provider: Provider, person: Person): Promise<Found> {
  const { db } = ctx.store;
  const orgId = provider.org?.id ?? null;
  const names = { userName: provider.kind === "github" ? "" : person.userName, address: person.isVerified ? person.email : "" };
  const provisioned = orgId === null ? undefined : await findProvisioned(ctx.store, orgId, person.subject, names);
  const [found, proven, others] = await batch(ctx.store, [
    db
      .select({
        identityId: sql<string>`identities.id`.as("identity_id"),
        isInactive: sql<number>`${isInactive(orgId ?? "", sql`users.id`)}`.as("is_inactive"),
        ...fields(orgId),
      })
      .from(identities)
      .innerJoin(users, eq(users.id, identities.userId))
      .where(thatIdentity(provider, person)),
    db
      .select({ domain: domains.domain })
      .from(domains)
      .where(and(sql`${domains.orgId} = ${orgId}`, eq(domains.domain, domainOf(person.email)), isNotNull(domains.provenAt))),
    db
      .select(fields(orgId))
      .from(users)
      .where(
        and(
          eq(users.id, (provisioned?.opens && provisioned.userId) ?? ""),
          provisioned?.opens === "name"
            ? sql`NOT EXISTS (SELECT 1 FROM identities WHERE identities.connection_id = ${provider.id} AND identities.user_id = users.id)`
            : undefined,
        ),
      ),
  ]);
  const [identity] = found;
  // The person may have another account than the one that SCIM deactivated.
  if (identity?.isInactive || provisioned?.active === false)
    throw await refuseSignIn(
      ctx,
      provider,
      `${provider.org!.name} has deactivated your account. Ask its administrators.`,
      `the account of the subject ${person.subject} is deactivated`,
      403,
    );
  return {
    known: identity && { identityId: identity.identityId, account: toAccount(identity) },
    provisioned: identity || !others[0] ? undefined : toAccount(others[0]),
    managedId: provisioned?.userId ?? undefined,
    mayJoin: mayJoin(
      provider,
      person,
      proven.map(({ domain }) => domain),
    ),
  };
}

/**
 * The account of a person who has signed in to it with a token or session.
 * @returns undefined for an unknown one; `isBarred`: the credential is older than the person's deactivation in the organization
 */
export async function findAccount(
  ctx: RequestContext,
  provider: Provider,
  userId: string,
  tokenId: string,
): Promise<(Account & { isBarred: boolean }) | undefined> {
  const orgId = provider.org?.id ?? null;
  const isBarred = sql<number>`EXISTS (SELECT 1 FROM barred_tokens WHERE token_id = ${tokenId} AND barred_tokens.org_id = ${orgId})`;
  const [rows] = await batch(ctx.store, [
    ctx.store.db
      .select({ ...fields(orgId), isBarred: isBarred.as("is_barred") })
      .from(users)
      .where(eq(users.id, userId)),
  ]);
  return rows[0] && { ...toAccount(rows[0]), isBarred: rows[0].isBarred === 1 };
}
