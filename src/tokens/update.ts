import { and, eq, isNull } from "drizzle-orm";
import type * as z from "zod/mini";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditIf, changedARow, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import { settingsOf } from "../auth/policy.ts";
import { forgetIdentities } from "../auth/resolve.ts";
import type { OrgContext } from "../context.ts";
import { badRequest, conflict, notFound } from "../errors.ts";
import { builtInRoles } from "../roles/builtIn.ts";
import { type TokenRow, stateOf, toAccessToken } from "./accessToken.ts";
import { roleAskedFor, scopeFault } from "./create.ts";
import { EXCHANGED, readOrgToken, thatToken } from "./get.ts";
import { type TokenOwner, theOrganization } from "./owner.ts";
import { type UpdateAccessTokenRequest, expiryFault } from "./schema.ts";
import { accessTokens } from "./table.ts";

type Request = z.infer<typeof UpdateAccessTokenRequest>;

/**
 * Changes the role, display name, description, expiry and limits of a token, and whether it may rotate itself. Its name and value stay. A
 * new role or limit applies to every later write, and to cached reads within 60 seconds.
 * @throws 409 when the token has ended, or was changed at the same time
 */
export async function updateOrgToken(ctx: OrgContext, id: string, request: Request, owner: TokenOwner = theOrganization) {
  const before = await readOrgToken(ctx, id, owner);
  const state = stateOf(before, ctx.now);
  if (state === "deleted") throw notFound("Token");
  if (before.issuerId !== null) throw conflict(EXCHANGED);
  if (state === "expired" || state === "rotated") throw conflict(`the token has ${state === "expired" ? "expired" : "been rotated"}`);

  const { role, roleId, roleName } = request.roleID ? await roleAskedFor(ctx, { roleID: request.roleID }) : before;
  const after: TokenRow = {
    ...before,
    role,
    roleId,
    roleName,
    displayName: request.displayName ?? before.displayName,
    description: request.description ?? before.description,
    expiresAt: newExpiry(ctx, before, request.expires),
    stackRules: request.stacks ?? before.stackRules,
    allowedCidrs: request.ipAllowList ?? before.allowedCidrs,
    allowedCountries: request.countryAllowList ?? before.allowedCountries,
    mayRotateItself: request.mayRotateItself ?? before.mayRotateItself,
  };
  const fault = scopeFault(after.role, after.stackRules);
  if (fault) throw badRequest(fault);
  const changes = differences(before, after);
  if (changes.length === 0) return toAccessToken(before, ctx.now);

  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: `${owner.kind}-token-updated`,
    description: `Changed ${owner.kind} token "${before.name}" (${id}): ${changes.join("; ")}.`,
  });
  const { displayName, description, expiresAt, stackRules, allowedCidrs, allowedCountries, mayRotateItself } = after;
  const [changed] = await guarded(ctx, [
    ctx.store.db
      .update(accessTokens)
      .set({
        role,
        roleId,
        displayName,
        description,
        expiresAt,
        stackRules,
        allowedCidrs,
        allowedCountries,
        mayRotateItself,
        version: before.version + 1,
      })
      .where(and(thatToken(ctx, id, owner), isNull(accessTokens.deletedAt), eq(accessTokens.version, before.version)))
      .returning({ hash: accessTokens.hash }),
    auditIf(ctx.store, event, changedARow),
  ]);
  if (!changed[0]) throw conflict("the token was changed at the same time, try again");
  await forgetIdentities(ctx.env.TOKEN_CACHE, [changed[0].hash]);
  relaySoon(ctx, event);
  return toAccessToken({ ...after, version: before.version + 1 }, ctx.now);
}

/** An earlier expiry is always allowed. A later expiry is allowed only if a new token could have it. */
function newExpiry(ctx: OrgContext, { expiresAt }: TokenRow, asked: number | null | undefined): number | null {
  if (asked === null || asked === undefined) return expiresAt;
  const wanted = asked === 0 ? null : asked * 1000;
  const isShorter = wanted !== null && (expiresAt === null || wanted <= expiresAt);
  const { maxTokenExpiryDays } = settingsOf(ctx);
  const fault = expiryFault(wanted, ctx.now, isShorter ? null : maxTokenExpiryDays, ctx.org.name);
  if (fault) throw badRequest(fault);
  return wanted;
}

/** The old and new values in the audit record of a change. */
function differences(before: TokenRow, after: TokenRow): string[] {
  const shown: [string, (row: TokenRow) => string][] = [
    ["role", (row) => JSON.stringify(row.roleName ?? builtInRoles[row.role].name)],
    ["display name", (row) => JSON.stringify(row.displayName || row.name)],
    ["description", (row) => JSON.stringify(row.description)],
    ["expiry", (row) => (row.expiresAt === null ? "never" : new Date(row.expiresAt).toISOString())],
    ["stacks", (row) => (row.stackRules === null ? "all" : JSON.stringify(row.stackRules))],
    ["networks", (row) => row.allowedCidrs.join(", ") || "any"],
    ["countries", (row) => row.allowedCountries.join(", ") || "any"],
    ["rotation", (row) => (row.mayRotateItself ? "by itself or an administrator" : "by an administrator")],
  ];
  return shown.flatMap(([name, show]) => (show(before) === show(after) ? [] : [`${name} from ${show(before)} to ${show(after)}`]));
}
