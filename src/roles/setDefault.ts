import { and, eq, sql } from "drizzle-orm";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, changedARow, auditIf, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import { mayGiveEverything, membershipOf, rightsOfRole, settingsOf } from "../auth/policy.ts";
import type { OrgContext } from "../context.ts";
import { AppError } from "../errors.ts";
import { organizations } from "../orgs/table.ts";
import { requireScopes } from "./beyond.ts";
import { builtInRoles, findRole } from "./builtIn.ts";
import { findSet } from "./builtInSets.ts";
import { scopesIn } from "./compile.ts";
import { readCustomRole } from "./get.ts";
import { defaultScopes } from "./given.ts";

/**
 * Sets the role of members without an assigned role: the built-in Member or a custom role, and never Admin. It gives these members the rights of the
 * new role and takes those of the old one.
 * @throws 400 for any other role, 403 for rights that the caller does not have
 */
export async function setDefaultRole(ctx: OrgContext, id: string): Promise<void> {
  const role = await wanted(ctx, id);
  const plain = rightsOfRole("member", settingsOf(ctx));
  // A machine with the role Admin may set the built-in Member, although that role includes rights of people.
  const given = role.scopes ?? (mayGiveEverything(ctx.actor, membershipOf(ctx)) ? [] : plain);
  await requireScopes(ctx, given, (await defaultScopes(ctx)) ?? plain);
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "organization-settings-changed",
    description: `Changed the default role of members to "${role.name}".`,
  });
  await guarded(ctx, [
    ctx.store.db
      .update(organizations)
      .set({ defaultRoleId: role.id, settingsVersion: sql`settings_version + 1` })
      .where(and(eq(organizations.id, ctx.org.id), sql`default_role_id IS NOT ${role.id}`)),
    auditIf(ctx.store, event, changedARow),
  ]);
  relaySoon(ctx, event);
}

/** @returns the role; for the built-in Member its id is null, and there are no scopes */
async function wanted(ctx: OrgContext, id: string): Promise<{ id: string | null; name: string; scopes?: string[] }> {
  const known = findRole(ctx.org.id, id);
  if (known === "member") return { id: null, name: builtInRoles.member.name };
  if (known || findSet(ctx.org.id, id)) throw invalidType();
  const role = await readCustomRole(ctx, id);
  if (role.uxPurpose !== "role") throw invalidType();
  return { id, name: role.name, scopes: scopesIn(role.grants) };
}

/** The words are those of the public contract. */
const invalidType = () => new AppError(400, "Invalid role type");
