import { type SQL, and, eq } from "drizzle-orm";
import type { OrgContext, UserActor } from "../context.ts";
import { accessTokens } from "./table.ts";

/**
 * The owner of a machine token: the organization, or a team of it. Both kinds have the same rules for names, the same limits and the same
 * operations.
 */
export type TokenOwner = { kind: "organization" } | { kind: "team"; id: string; name: string };

export const theOrganization: TokenOwner = { kind: "organization" };

/**
 * SQL condition on a row of `access_tokens`: the token or session is the caller's own. A caller whose credential is valid in one organization only
 * reaches those that are valid in the same organization only.
 */
export const ownedByCaller = ({ user, limits }: UserActor, kind: "personal" | "session"): SQL =>
  and(
    eq(accessTokens.userId, user.id),
    eq(accessTokens.kind, kind),
    limits.onlyOrgId === null ? undefined : eq(accessTokens.onlyOrgId, limits.onlyOrgId),
  )!;

/** SQL condition on a row of `access_tokens`: the token belongs to the owner. Deleted tokens match too. */
export const ownedBy = (ctx: OrgContext, owner: TokenOwner): SQL =>
  and(
    eq(accessTokens.orgId, ctx.org.id),
    eq(accessTokens.kind, owner.kind),
    owner.kind === "team" ? eq(accessTokens.teamId, owner.id) : undefined,
  )!;
