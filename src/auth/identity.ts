import { type SQL, eq, sql } from "drizzle-orm";
import type { ScopeGrant } from "../access/descriptor.ts";
import type { Actor, CustomRole, OrganizationRef, Rights, TokenLimits } from "../context.ts";
import { type Store, batch } from "../db/client.ts";
import { members, organizations } from "../orgs/table.ts";
import { users } from "../users/table.ts";
import { sessionOpenerIsValid } from "./sessionOpener.ts";
import { type TokenKind, type TokenRole, accessTokens } from "../tokens/table.ts";
import { isOpenTo } from "./barred.ts";
import { settingsColumns } from "./settings.ts";

/**
 * The holder of a token. It contains no decision: rights are checked on each request.
 * `checkedAt` is our clock before the D1 read. It never changes, so a late write into the cache cannot prolong the life of a deleted token.
 */
export interface Identity {
  kind: TokenKind;
  actor: Actor;
  /** When the token ends without a deletion: at its expiry, or at the end of the overlap of its rotation. */
  expiresAt: number | null;
  lastUsedAt: number | null;
  checkedAt: number;
  /** Whether it was read from the cache. */
  cached: boolean;
}

/** A token that was valid in the past. The answer tells its holder how it ended, and not who ended it. */
export interface DeadToken {
  kind: TokenKind;
  id: string;
  name: string;
  org: OrganizationRef | undefined;
  /** The former holder; undefined when the organization or the person does not exist any more. */
  actor: Actor | undefined;
  /** The person of a personal token. */
  user: { id: string; login: string; name: string } | undefined;
  ended: "deleted" | "disabled" | "rotated" | "expired";
  /** Name of its successor, or "". */
  successor: string;
  at: number;
}

export type Resolution = { identity: Identity } | { dead: DeadToken } | undefined;

/** Reads the holder of a token from the database. */
export async function readIdentity(store: Store, hash: string, now: number): Promise<Resolution> {
  const [tokens, memberships] = await batch(store, identityQueries(store, hash));
  return identityFrom(tokens, memberships, now);
}

/** The queries whose rows `identityFrom` needs, for a batch. @param hash of the token's value, or SQL for it */
export const identityQueries = ({ db }: Store, hash: string | SQL) =>
  [
    db
      .select({
        id: sql<string>`${accessTokens.id}`.as("token_id"),
        hash: sql<string>`${accessTokens.hash}`.as("token_hash"),
        kind: accessTokens.kind,
        name: sql<string>`${accessTokens.name}`.as("token_name"),
        team: accessTokens.team,
        custom: customRole(sql`access_tokens.role_id`).as("token_custom"),
        ofTeams: grantsOfRoles(sql`SELECT role_id FROM team_roles WHERE team_roles.team_id = access_tokens.team_id`).as(
          "token_team_grants",
        ),
        // Both columns are compared with one value each, so that the index is used.
        hasStackGrants:
          sql<number>`EXISTS (SELECT 1 FROM stack_grants WHERE grantee_kind = CASE access_tokens.kind WHEN 'team' THEN 'team' ELSE 'token' END
          AND grantee_id = CASE access_tokens.kind WHEN 'team' THEN access_tokens.team_id ELSE coalesce(access_tokens.family_id, access_tokens.id) END)`.as(
            "token_stack_grants",
          ),
        role: sql<TokenRole>`${accessTokens.role}`.as("token_role"),
        expiresAt: accessTokens.expiresAt,
        lastUsedAt: accessTokens.lastUsedAt,
        deletedAt: accessTokens.deletedAt,
        disabledAt: accessTokens.disabledAt,
        openedWith: sql<string | null>`CASE WHEN ${accessTokens.kind} = 'session' THEN ${accessTokens.madeWith} END`.as("opened_with"),
        openerExpiresAt: sql<number | null>`(SELECT expires_at FROM access_tokens AS old WHERE old.id = access_tokens.made_with)`.as(
          "opener_expires",
        ),
        sessionOpenerIsValid: sql<number>`${sessionOpenerIsValid}`.as("opener_is_valid"),
        retiresAt: accessTokens.retiresAt,
        successor: sql<string | null>`(SELECT name FROM access_tokens AS new WHERE new.id = access_tokens.successor_id)`.as("successor"),
        // The table of organizations has columns with the same names (platform-facts Z-1).
        version: sql<number>`${accessTokens.version}`.as("token_version"),
        stackRules: accessTokens.stackRules,
        issuerId: accessTokens.issuerId,
        onlyOrgId: accessTokens.onlyOrgId,
        allowedCidrs: sql<string[]>`${accessTokens.allowedCidrs}`.mapWith(accessTokens.allowedCidrs).as("token_cidrs"),
        allowedCountries: sql<string[]>`${accessTokens.allowedCountries}`.mapWith(accessTokens.allowedCountries).as("token_countries"),
        orgId: sql<string | null>`${organizations.id}`.as("organization_id"),
        orgName: sql<string | null>`${organizations.name}`.as("organization_name"),
        settings: settingsColumns,
        userId: sql<string | null>`${users.id}`.as("person_id"),
        login: users.login,
        userName: sql<string | null>`${users.name}`.as("person_name"),
        email: users.email,
      })
      .from(accessTokens)
      .leftJoin(organizations, eq(organizations.id, accessTokens.orgId))
      .leftJoin(users, eq(users.id, accessTokens.userId))
      .where(eq(accessTokens.hash, hash)),
    db
      .select({
        orgId: organizations.id,
        orgName: organizations.name,
        role: members.role,
        custom: customRole(sql`coalesce(members.role_id, CASE members.role WHEN 'member' THEN organizations.default_role_id END)`).as(
          "custom",
        ),
        ofTeams: grantsOfRoles(sql`SELECT value->>0 FROM json_each(members.access, '$[1]')`).as("team_grants"),
        hasStackGrants: sql<number>`${members.hasStackGrants}`.as("stack_grants"),
        access: members.access,
        isEmergency: sql<number>`${members.isBreakGlass} AND ${members.role} = 'admin'`.as("is_emergency"),
        ssoProofAt: ssoProof(hash).as("sso_proof"),
        isAccepted: sql<number>`${members.acceptedAt} IS NOT NULL`.as("is_accepted"),
        addedBy: sql<
          string | null
        >`CASE WHEN members.accepted_at IS NULL THEN (SELECT coalesce((SELECT login FROM users WHERE users.id = maker.user_id), maker.name)
          FROM access_tokens AS maker WHERE maker.id = members.made_with) END`.as("added_by"),
        settings: settingsColumns,
      })
      .from(members)
      .innerJoin(organizations, eq(organizations.id, members.orgId))
      .where(
        sql`${members.userId} = (SELECT user_id FROM access_tokens WHERE hash = ${hash})
          AND ${members.orgId} = coalesce((SELECT only_org_id FROM access_tokens WHERE hash = ${hash}), ${members.orgId})
          AND ${isOpenTo(sql`(SELECT id FROM access_tokens WHERE hash = ${hash})`)}`,
      )
      // The default organization comes first, and memberships that were not accepted come last.
      .orderBy(
        sql`${members.acceptedAt} IS NULL`,
        sql`${organizations.id} IS (SELECT default_org_id FROM users WHERE users.id = ${members.userId}) DESC`,
        sql`max(${members.createdAt}, coalesce(${members.acceptedAt}, 0))`,
        organizations.name,
      ),
  ] as const;

/**
 * SQL for the time at which the token's identity last signed in to the organization of the row. This is the identity whose sign-in began
 * the token, or the identity that the token was authorized with. Null where the organization requires no single sign-on.
 */
const ssoProof = (hash: string | SQL) =>
  sql<number | null>`CASE WHEN organizations.sso_required <> 'off' THEN (SELECT max(identities.last_sign_in_at) FROM identities
    JOIN connections ON connections.id = identities.connection_id AND connections.enabled
    WHERE identities.org_id = organizations.id AND identities.user_id = members.user_id AND identities.id IN (
      SELECT shown.identity_id FROM access_tokens AS shown WHERE shown.hash = ${hash}
      UNION ALL SELECT given.identity_id FROM token_authorizations AS given JOIN access_tokens AS shown ON shown.id = given.token_id
        WHERE shown.hash = ${hash} AND given.org_id = organizations.id)) END`;

/** SQL for the custom role with that id, as JSON; null for a built-in role. */
const customRole = (id: SQL) =>
  sql<string | null>`(SELECT json_object('id', id, 'name', name, 'grants', json(grants)) FROM roles WHERE id = ${id})`;

/** SQL for the grants of roles, as JSON. @param ids SQL for the ids of the roles */
const grantsOfRoles = (ids: SQL) => sql<string>`(SELECT json_group_array(json(grants)) FROM roles WHERE roles.id IN (${ids}))`;

const rightsOf = (row: { custom: string | null; ofTeams: string; hasStackGrants: number }): Omit<Rights, "role"> => ({
  custom: row.custom === null ? null : (JSON.parse(row.custom) as CustomRole),
  ofTeams: (JSON.parse(row.ofTeams) as ScopeGrant[][]).flat(),
  hasStackGrants: row.hasStackGrants === 1,
});

type Rows = { [K in keyof ReturnType<typeof identityQueries>]: Awaited<ReturnType<typeof identityQueries>[K]> };

export function identityFrom(tokens: Rows[0], memberships: Rows[1], now: number): Resolution {
  const token = tokens[0];
  if (!token) return undefined;

  const org = token.orgId !== null ? { id: token.orgId, name: token.orgName ?? "" } : undefined;
  const user =
    token.userId !== null
      ? { id: token.userId, login: token.login ?? "", name: token.userName ?? "", email: token.email ?? "" }
      : undefined;
  const ref = { id: token.id, name: token.name, hash: token.hash, ...(token.openedWith !== null && { openedWith: token.openedWith }) };
  const limits: TokenLimits = {
    version: token.version,
    // A policy on expiry that refuses a token also refuses the sessions that the token opened.
    expiresAt: token.openedWith === null ? token.expiresAt : token.openerExpiresAt,
    isExempt: token.issuerId !== null || (token.kind === "session" && token.openedWith === null),
    isSession: token.kind === "session",
    isExchanged: token.issuerId !== null,
    onlyOrgId: token.onlyOrgId,
    stackRules: token.stackRules,
    allowedCidrs: token.allowedCidrs,
    allowedCountries: token.allowedCountries,
    retiresAt: token.retiresAt,
    successor: token.successor ?? "",
  };
  const actor: Actor | undefined =
    token.kind === "personal" || token.kind === "session"
      ? user && {
          kind: "user",
          token: ref,
          limits,
          user,
          memberships: memberships.map(
            ({ orgId, orgName, role, settings, access, isEmergency, ssoProofAt, isAccepted, addedBy, ...rights }) => ({
              org: { id: orgId, name: orgName },
              role,
              ...rightsOf(rights),
              settings,
              access,
              isEmergency: isEmergency === 1,
              ssoProofAt,
              isAccepted: isAccepted === 1,
              addedBy: addedBy ?? "",
            }),
          ),
        }
      : org && {
          // `authenticate` refuses a SCIM token everywhere but in SCIM. There it changes members in the name of its organization.
          kind: token.kind === "scim" ? "organization" : token.kind,
          token: ref,
          limits,
          org,
          settings: token.settings!,
          team: token.team ?? "",
          role: token.role,
          ...rightsOf(token),
        };

  const end = token.sessionOpenerIsValid ? endOf(token, now) : ({ ended: "deleted", at: now } as const);
  if (end) return { dead: { kind: token.kind, id: token.id, name: token.name, org, user, actor, ...end, successor: limits.successor } };
  if (!actor) return undefined;
  const ends = [token.expiresAt, token.retiresAt].filter((at) => at !== null);
  const expiresAt = ends.length === 0 ? null : Math.min(...ends);
  return { identity: { kind: token.kind, actor, expiresAt, lastUsedAt: token.lastUsedAt, checkedAt: now, cached: false } };
}

/** How and when a token ended. If it ended in two ways, the one that cannot be undone counts. */
function endOf(
  { deletedAt, disabledAt, retiresAt, expiresAt }: Record<"deletedAt" | "disabledAt" | "retiresAt" | "expiresAt", number | null>,
  now: number,
): Pick<DeadToken, "ended" | "at"> | undefined {
  if (deletedAt !== null) return { ended: "deleted", at: deletedAt };
  if (retiresAt !== null && retiresAt <= now) return { ended: "rotated", at: retiresAt };
  if (expiresAt !== null && expiresAt <= now) return { ended: "expired", at: expiresAt };
  return disabledAt === null ? undefined : { ended: "disabled", at: disabledAt };
}
