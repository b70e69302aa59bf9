import type { OrgPermission } from "../auth/policy.ts";
import type { OrgContext } from "../context.ts";
import { forbidden } from "../errors.ts";
import type { TokenOwner } from "../tokens/owner.ts";
import { findTeam } from "./find.ts";
import { requireTeamRight, requireTeamsRights, rightsOfTeamTokens } from "./right.ts";

/**
 * The owner of a team's tokens, for a caller who may do that to them: administrators of the organization and of the team.
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
 * The same for whoever makes a token, or widens what it may do. A team's token makes none, and nobody makes one that has more rights than
 * itself, but an administrator.
 */
export async function teamAsMaker(ctx: OrgContext, name: string): Promise<TokenOwner> {
  const team = await findTeam(ctx, name);
  if (ctx.actor.kind === "team")
    throw forbidden("You do not have permission to perform this operation: a team's token makes and changes no tokens.");
  await requireTeamRight(ctx, team, "team:create_token");
  await requireTeamsRights(ctx, team, rightsOfTeamTokens(ctx));
  return { kind: "team", id: team.id, name: team.name };
}
