import { type SQL, and, eq, sql } from "drizzle-orm";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { notFound } from "../errors.ts";
import type { AuthPolicy, Issuer } from "./openapi.ts";
import { oidcIssuers } from "./table.ts";

export type IssuerRow = typeof oidcIssuers.$inferSelect;

/** SQL condition: the organization's issuer with that id. */
export const thatIssuer = (ctx: OrgContext, id: string): SQL => and(eq(oidcIssuers.id, id), eq(oidcIssuers.orgId, ctx.org.id))!;

/** SQL condition: the organization's issuer with the policy of that id. */
export const withThatPolicy = (ctx: OrgContext, policyId: string): SQL =>
  and(eq(oidcIssuers.policyId, policyId), eq(oidcIssuers.orgId, ctx.org.id))!;

/** @returns undefined for an unknown one */
export async function findIssuer(ctx: OrgContext, which: SQL): Promise<IssuerRow | undefined> {
  const [rows] = await guarded(ctx, [ctx.store.db.select().from(oidcIssuers).where(which)]);
  return rows[0];
}

/** @throws 404 */
export async function readIssuer(ctx: OrgContext, id: string): Promise<IssuerRow> {
  const row = await findIssuer(ctx, thatIssuer(ctx, id));
  if (!row) throw notFound("OIDC issuer");
  return row;
}

export const getIssuer = async (ctx: OrgContext, id: string) => toIssuer(await readIssuer(ctx, id));

/** Maximum number of issuers of an organization. One answer lists them all. */
export const MOST_ISSUERS = 100;

export async function listIssuers(ctx: OrgContext) {
  const [rows] = await guarded(ctx, [
    ctx.store.db
      .select()
      .from(oidcIssuers)
      .where(eq(oidcIssuers.orgId, ctx.org.id))
      .orderBy(oidcIssuers.createdAt, oidcIssuers.id)
      .limit(MOST_ISSUERS),
  ]);
  return { oidcIssuers: rows.map(toIssuer) };
}

const time = (at: number) => new Date(at).toISOString();

export function toIssuer(row: IssuerRow): Issuer {
  return {
    id: row.id,
    name: row.name,
    url: row.url,
    issuer: row.issuer,
    // The member is there even without thumbprints, because the provider pulumiservice cannot read its own state without the member.
    thumbprints: row.thumbprints,
    // Keys that the issuer publishes change without a call, so only keys that were registered are shown.
    ...(row.jwksUri === null && { jwks: { keys: row.keys } }),
    maxExpiration: row.maxExpiration,
    created: time(row.createdAt),
    modified: time(row.modifiedAt),
    ...(row.lastUsedAt !== null && { lastUsed: time(row.lastUsedAt) }),
    audiences: row.audiences,
    singleUse: row.singleUse,
    endsSessions: row.endsSessions,
    ...(row.disabledAt !== null && { disabled: time(row.disabledAt) }),
  };
}

export const toPolicy = (row: IssuerRow): AuthPolicy => ({
  id: row.policyId,
  version: row.policyVersion,
  created: time(row.createdAt),
  modified: time(row.policyModifiedAt),
  policies: row.policies,
});

/** SQL that increments the version of an issuer: an exchange that began before the change is checked again. */
export const nextVersion = sql`${oidcIssuers.version} + 1`;
