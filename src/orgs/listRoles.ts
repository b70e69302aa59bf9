import { eq } from "drizzle-orm";
import * as z from "zod/mini";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { notFound } from "../errors.ts";
import type { RoleAnswer } from "./openapi.ts";
import { type BuiltInRole, builtInRoles, findRole, roleId } from "../auth/roles.ts";
import { uxPurposes } from "./roles.ts";
import { organizations } from "./table.ts";

export const uxPurpose = z.enum(uxPurposes, "Role purpose is not valid.");

const descriptions: Record<BuiltInRole, string> = {
  admin: "Everything in the organization.",
  member: "What the organization gives to its members.",
  "billing-manager": "Sees who is in the organization, and nothing of its stacks.",
  "read-only": "Reads stacks and runs previews. For access tokens.",
};

/** The built-in roles; there are no others yet. They are the same everywhere, and their ids are not. */
export async function listRoles(ctx: OrgContext, purpose: z.infer<typeof uxPurpose>) {
  const roles = await read(ctx);
  return { roles: roles.filter((role) => role.uxPurpose === purpose) };
}

export async function getRole(ctx: OrgContext, id: string) {
  const roles = await read(ctx);
  const known = findRole(ctx.org.id, id);
  const role = known && roles.find((one) => one.id === roleId(ctx.org.id, known));
  if (!role) throw notFound("Role");
  return role;
}

async function read(ctx: OrgContext): Promise<RoleAnswer[]> {
  const [rows] = await guarded(ctx, [
    ctx.store.db.select({ createdAt: organizations.createdAt }).from(organizations).where(eq(organizations.id, ctx.org.id)),
  ]);
  const created = new Date(rows[0]!.createdAt).toISOString();
  return (Object.keys(builtInRoles) as BuiltInRole[]).map((role) => ({
    id: roleId(ctx.org.id, role),
    orgId: ctx.org.id,
    name: builtInRoles[role].name,
    description: descriptions[role],
    resourceType: role === "read-only" ? "stack" : "organization",
    uxPurpose: "role",
    defaultIdentifier: builtInRoles[role].defaultIdentifier,
    isOrgDefault: role === "member",
    created,
    modified: created,
    version: 1,
  }));
}
