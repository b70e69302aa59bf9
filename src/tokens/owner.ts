import { type SQL, and, eq } from "drizzle-orm";
import type { OrgContext } from "../context.ts";
import { accessTokens } from "./table.ts";

/** Whose a machine token is: the organization's, or a team's in it. Both kinds share names, limits and every operation. */
export type TokenOwner = { kind: "organization" } | { kind: "team"; id: string; name: string };

export const theOrganization: TokenOwner = { kind: "organization" };

/** True of the rows of `access_tokens` that are the owner's, deleted ones too. */
export const ownedBy = (ctx: OrgContext, owner: TokenOwner): SQL =>
  and(
    eq(accessTokens.orgId, ctx.org.id),
    eq(accessTokens.kind, owner.kind),
    owner.kind === "team" ? eq(accessTokens.teamId, owner.id) : undefined,
  )!;
