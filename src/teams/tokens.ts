import { guarded } from "../auth/guard.ts";
import type { OrgPermission } from "../auth/policy.ts";
import { recordForbidden, recordLimit } from "../auth/refusals.ts";
import { type OrgContext, type TokenLimits, isPerson } from "../context.ts";
import { forbidden } from "../errors.ts";
import type { TokenOwner } from "../tokens/owner.ts";
import { findTeam } from "./find.ts";
import { requireTeamRight, requireTeamsRights, rightsOfTeamTokens } from "./right.ts";

/**
 * The team as the owner of its tokens. The caller needs a right to them, or must be an administrator of the team.
 * @throws 404 for an unknown team, 403
 */
export async function teamAsOwner(
  ctx: OrgContext,
  name: string,
  permission: Extract<OrgPermission, "team:list_tokens" | "team:delete_token">,
): Promise<TokenOwner> {
  const team = await findTeam(ctx, name);
  await requireTeamRight(ctx, team, permission);
  return { kind: "team", id: team.id, name: team.name };
}

/**
 * The team as the owner of a token that the caller creates or widens. A team token may do neither, and neither may a personal token from an
 * exchange, which lasts for one run of a pipeline. A caller who is not an administrator cannot create a token with more rights than its own.
 * A machine token with limits may only create tokens that expire no later than itself, and only if an expiry is its only limit.
 * @param expiresAt of the new token, milliseconds since 1970 or null; undefined for a change of a token
 */
export async function teamAsMaker(ctx: OrgContext, name: string, expiresAt?: number | null): Promise<TokenOwner> {
  const team = await findTeam(ctx, name);
  const { actor } = ctx;
  if (actor.kind === "team") throw await makesNoTokens(ctx, "a team token");
  if (actor.kind === "user" && !isPerson(actor)) throw await makesNoTokens(ctx, "a personal token from an exchange");
  await requireTeamRight(ctx, team, "team:create_token");
  await requireTeamsRights(ctx, team, rightsOfTeamTokens(ctx));
  if (actor.kind === "organization" && goesBeyond(actor.limits, expiresAt)) throw await beyondLimits(ctx);
  return { kind: "team", id: team.id, name: team.name };
}

/** Whether a token without limits, but with this expiry, could be used where or when the token with these limits cannot. */
function goesBeyond({ stackRules, allowedCidrs, allowedCountries, expiresAt: own }: TokenLimits, expiresAt: number | null | undefined) {
  if (stackRules !== null || allowedCidrs.length > 0 || allowedCountries.length > 0) return true;
  return own !== null && (expiresAt === undefined || expiresAt === null || expiresAt > own);
}

async function makesNoTokens(ctx: OrgContext, what: string) {
  await guarded(ctx, []);
  await recordForbidden(ctx, ctx.actor, ctx.org, "team:create_token");
  return forbidden(`You do not have permission to perform this operation: ${what} cannot create or change tokens.`);
}

async function beyondLimits(ctx: OrgContext) {
  await guarded(ctx, []);
  await recordLimit(ctx, ctx.actor, ctx.org, "scope", "team:create_token");
  return forbidden(
    "You do not have permission to perform this operation: this access token has limits (stacks, networks, countries or an expiry), and would create or change a token that goes beyond them.",
    "limited_credential",
  );
}
