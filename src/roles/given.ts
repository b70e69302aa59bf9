import { and, eq, sql } from "drizzle-orm";
import { guarded } from "../auth/guard.ts";
import { mayGiveEverything, membershipOf, rightsOfRole } from "../auth/policy.ts";
import { requireRight } from "../auth/right.ts";
import type { OrgContext } from "../context.ts";
import { AppError } from "../errors.ts";
import { type Role, roles } from "../orgs/table.ts";
import { requireScopes } from "./beyond.ts";
import { findRole, roleId } from "./builtIn.ts";
import { scopesIn } from "./compile.ts";
import { customRoles } from "./table.ts";
import { relyOnRoles } from "./unchanged.ts";

/** A role to assign. */
export interface GivenRole {
  /** The built-in role. For a custom role it is `member`, which is the closest. */
  role: Role;
  /** The value for `members.role_id` and `invites.role_id`. Null means `role`, and for a member the organization's default role. */
  roleId: string | null;
  /** The name in the audit log. */
  name: string;
}

interface Request {
  role?: Role | null | undefined;
  fgaRoleId?: string | null | undefined;
}

/**
 * Finds the roles that requests name by id or by the name of a built-in role; the id wins (management-api §5.3). It checks that the caller may assign
 * them. If a role changes after that, the guard of the caller's work fails.
 * @param plainMember whether the name `member` means the built-in role or the organization's default role
 * @throws 400 for a record that is no role, 403 for rights that the caller does not have
 */
export async function givenRoles(ctx: OrgContext, requests: Request[], plainMember: "built-in" | "default"): Promise<GivenRole[]> {
  const customs = await readCustoms(ctx, requests);
  const given = requests.map((request) => named(ctx, request, plainMember, customs));
  if (given.some(({ role }) => role === "admin")) await requireRight(ctx, "org_member:set_admin");
  const ids = new Set(given.map((one) => one.roleId));
  await requireScopes(
    ctx,
    [...customs].flatMap(([id, { grants }]) => (ids.has(id) ? scopesIn(grants) : [])),
  );
  const place = membershipOf(ctx);
  if (!mayGiveEverything(ctx.actor, place)) {
    const builtIn = new Set(given.filter(({ roleId: id }) => id === null || !customs.has(id)).map(({ role }) => role));
    for (const role of builtIn) await requireScopes(ctx, rightsOfRole(role, place.settings));
    if (given.some(({ role, roleId: id }) => role === "member" && id === null)) await requireScopes(ctx, (await defaultScopes(ctx)) ?? []);
  }
  return given;
}

export async function givenRole(ctx: OrgContext, request: Request, plainMember: "built-in" | "default"): Promise<GivenRole> {
  const [given] = await givenRoles(ctx, [request], plainMember);
  return given!;
}

function named(
  ctx: OrgContext,
  { role, fgaRoleId }: Request,
  plainMember: "built-in" | "default",
  customs: Awaited<ReturnType<typeof readCustoms>>,
): GivenRole {
  const custom = fgaRoleId ? customs.get(fgaRoleId) : undefined;
  if (fgaRoleId && custom) return { role: "member", roleId: fgaRoleId, name: custom.name };
  const name = fgaRoleId ? findRole(ctx.org.id, fgaRoleId) : role;
  const found = roles.find((one) => one === name);
  if (!found) throw new AppError(400, fgaRoleId ? "Invalid parameter 'roleID'." : "Invalid organization role.");
  const isExplicit = found === "member" && (plainMember === "built-in" || Boolean(fgaRoleId));
  return { role: found, roleId: isExplicit ? roleId(ctx.org.id, found) : null, name: found };
}

/** Reads the custom roles among them, by id. Permission sets and policies are not roles. */
async function readCustoms(ctx: OrgContext, requests: Request[]) {
  const ids = requests.flatMap(({ fgaRoleId }) => (fgaRoleId && !findRole(ctx.org.id, fgaRoleId) ? [fgaRoleId] : []));
  if (ids.length === 0) return new Map<string, never>();
  const [rows] = await guarded(ctx, [
    ctx.store.db
      .select({ id: customRoles.id, name: customRoles.name, version: customRoles.version, grants: customRoles.grants })
      .from(customRoles)
      .where(and(eq(customRoles.orgId, ctx.org.id), sql`id IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`, isForHolders)),
  ]);
  relyOnRoles(ctx, rows);
  return new Map(rows.map((row) => [row.id, row]));
}

/** SQL condition: people, teams and tokens can have the record. Sets and policies can only be included in other records. */
export const isForHolders = sql`ux_purpose IN ('role', 'role_private', 'role_temporary')`;

/**
 * The scopes of the organization's default role; undefined for the built-in Member. The guards compare the settings, and so the default role and its
 * rights.
 */
export async function defaultScopes(ctx: OrgContext): Promise<string[] | undefined> {
  const [rows] = await guarded(ctx, [
    ctx.store.db
      .select({ grants: customRoles.grants })
      .from(customRoles)
      .where(sql`id = (SELECT default_role_id FROM organizations WHERE organizations.id = ${ctx.org.id})`),
  ]);
  return rows[0] && scopesIn(rows[0].grants);
}
