import { eq, sql } from "drizzle-orm";
import { orgPermissions } from "../access/permissions.ts";
import { guarded } from "../auth/guard.ts";
import { isPersonOnly, mayAs, rulesFor, settingsOf } from "../auth/policy.ts";
import type { OrgContext, Rights } from "../context.ts";
import { notFound } from "../errors.ts";
import { builtInRoles, roleId } from "../roles/builtIn.ts";
import { customRoles } from "../roles/table.ts";
import { toAccessToken, visibleColumns } from "../tokens/accessToken.ts";
import { thatToken } from "../tokens/get.ts";
import { type TokenOwner, theOrganization } from "../tokens/owner.ts";
import { accessTokens } from "../tokens/table.ts";
import { unseen } from "./needs.ts";
import type { Rightsize } from "./openapi.ts";
import { propose } from "./propose.ts";
import { familyQuery, readEvents, readStacks } from "./read.ts";

const DAY = 86_400_000;
/** Maximum number of stacks that the answer names. */
const MOST_NAMED = 100;

/**
 * The smallest role and limit that would have allowed everything that a token did in these days, beside the role and limit that it has.
 * Nothing is changed.
 * @throws 404 for an id that never was of this owner
 */
export async function getRightsize(ctx: OrgContext, id: string, days: number, owner: TokenOwner = theOrganization): Promise<Rightsize> {
  const { db } = ctx.store;
  const one = thatToken(ctx, id, owner);
  const ofTeam = sql`(SELECT role_id FROM team_roles WHERE team_id = (SELECT team_id FROM access_tokens WHERE ${one}))`;
  const [tokens, roles, family] = await guarded(ctx, [
    db.select(visibleColumns).from(accessTokens).where(one),
    db
      .select({ id: customRoles.id, grants: customRoles.grants })
      .from(customRoles)
      .where(sql`${eq(customRoles.orgId, ctx.org.id)} AND (id = (SELECT role_id FROM access_tokens WHERE ${one}) OR id IN ${ofTeam})`),
    familyQuery(ctx, one),
  ]);
  const token = tokens[0];
  if (!token) throw notFound("Token");
  const { used, from, truncated } = await readEvents(
    ctx,
    family.map((row) => row.id),
    ctx.now - days * DAY,
  );
  const settings = settingsOf(ctx);
  const projects = new Set(used.filter(({ stack }) => stack !== "").map(({ stack }) => stack.split("/")[0]!));
  const least = propose(used, await readStacks(ctx, [...projects]), settings);

  const custom = roles.find((role) => role.id === token.roleId);
  const rights: Rights & { settings: typeof settings } = {
    settings,
    role: token.role,
    custom: custom ? { ...custom, name: "" } : null,
    ofTeams: roles.filter((role) => role !== custom).flatMap(({ grants }) => grants),
    hasStackGrants: false,
  };
  const has = orgPermissions.filter(
    (permission) => !isPersonOnly(permission) && (mayAs(rights, permission) || rulesFor(rights, permission).length > 0),
  );
  const notNeeded = has.filter((permission) => !least.permissions.includes(permission));
  const shown = toAccessToken(token, ctx.now);
  return {
    days,
    from: Math.ceil(from / 1000),
    truncated,
    events: used.reduce((sum, row) => sum + row.events, 0),
    has: {
      ...(shown.role && { role: { id: shown.role.id, name: shown.role.name } }),
      permissions: has,
      ...(shown.stacks && { stacks: shown.stacks }),
    },
    used: least.used.map(({ at, ...row }) => ({ ...row, lastUsed: Math.floor(at / 1000) })),
    unused: notNeeded.filter((permission) => !unseen.includes(permission)),
    unseen: notNeeded.filter((permission) => unseen.includes(permission)),
    stacks: { count: least.touched.length, first: least.touched.slice(0, MOST_NAMED) },
    proposal: {
      permissions: least.permissions,
      details: least.needsAdmin ? null : { __type: "PermissionDescriptorAllow", permissions: least.permissions },
      builtIn: least.builtIn && {
        id: roleId(ctx.org.id, least.builtIn.role),
        name: builtInRoles[least.builtIn.role].name,
        beyond: least.builtIn.beyond,
      },
      stacks: least.stacks,
      givesRights: least.givesRights,
    },
  };
}
