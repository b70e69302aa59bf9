import * as z from "zod/mini";
import { requireRight } from "../auth/right.ts";
import { id } from "../http/bounded.ts";
import { orgName, teamName } from "../http/names.ts";
import { defineRoute } from "../http/route.ts";
import { createOrgToken } from "../tokens/create.ts";
import { deleteOrgToken } from "../tokens/delete.ts";
import { disableOrgToken, enableOrgToken } from "../tokens/enable.ts";
import { getOrgToken } from "../tokens/get.ts";
import { getTokenImpact } from "../tokens/impact.ts";
import { listOrgTokens } from "../tokens/list.ts";
import { getRevocation, receiptHeaders } from "../tokens/revocation.ts";
import { revokeOrgToken } from "../tokens/revoke.ts";
import { rotateOrgToken } from "../tokens/rotate.ts";
import {
  CreateTeamAccessTokenRequest,
  ListOrgTokensQuery,
  ReasonQuery,
  RotateAccessTokenRequest,
  UpdateTeamAccessTokenRequest,
  UsageQuery,
  withDescendants,
} from "../tokens/schema.ts";
import { updateOrgToken } from "../tokens/update.ts";
import { getTokenUsage } from "../tokens/usage.ts";
import { teamAsMaker, teamAsOwner } from "./tokens.ts";

const TOKENS = "/api/orgs/{orgName}/teams/{teamName}/tokens" as const;
const T = `${TOKENS}/{tokenId}` as const;
const team = z.object({ orgName, teamName });
const teamToken = z.object({ orgName, teamName, tokenId: id });
const extension = true as const;
/** Administrators of the team may call these routes, so the work checks the right when the team is known. */
const permission = "team:list" as const;

/** The operations of organization tokens, for the tokens of a team. */
export const teamTokenRoutes = [
  defineRoute(
    { method: "GET", path: TOKENS, operationId: "ListTeamTokens", permission, params: team, query: ListOrgTokensQuery },
    async (ctx, { params, query, request }) =>
      listOrgTokens(ctx, query, request.headers.get("X-Pulumi-Source"), await teamAsOwner(ctx, params.teamName, "team:list_tokens")),
  ),
  defineRoute(
    {
      method: "POST",
      path: TOKENS,
      operationId: "CreateTeamToken",
      dryRun: true,
      permission,
      params: team,
      query: ReasonQuery,
      body: CreateTeamAccessTokenRequest,
    },
    async (ctx, { params, query, body }) => createOrgToken(ctx, body, query.reason, await teamAsMaker(ctx, params.teamName, body.expires)),
  ),
  defineRoute(
    {
      method: "DELETE",
      path: T,
      operationId: "DeleteTeamToken",
      dryRun: "report",
      stops: true,
      permission,
      params: teamToken,
      query: z.extend(ReasonQuery, { withDescendants }),
    },
    async (ctx, { params, query }) => {
      const owner = await teamAsOwner(ctx, params.teamName, "team:delete_token");
      if (query.withDescendants) {
        // This also ends members and tokens of the organization, so it needs more than the right to the team's tokens.
        await requireRight(ctx, "org_token:delete");
        const { report, receipt } = await revokeOrgToken(ctx, params.tokenId, query.reason, owner);
        return Response.json(report, { headers: receipt ? receiptHeaders(receipt) : {} });
      }
      const receipt = await deleteOrgToken(ctx, params.tokenId, query.reason, owner);
      return new Response(null, { status: 204, headers: receipt ? receiptHeaders(receipt) : {} });
    },
  ),
  defineRoute({ method: "GET", path: T, operationId: "GetTeamToken", permission, params: teamToken, extension }, async (ctx, { params }) =>
    getOrgToken(ctx, params.tokenId, await teamAsOwner(ctx, params.teamName, "team:list_tokens")),
  ),
  defineRoute(
    {
      method: "PATCH",
      path: T,
      operationId: "UpdateTeamToken",
      dryRun: true,
      stops: true,
      permission,
      params: teamToken,
      body: UpdateTeamAccessTokenRequest,
      extension,
    },
    async (ctx, { params, body }) => updateOrgToken(ctx, params.tokenId, body, await teamAsMaker(ctx, params.teamName)),
  ),
  defineRoute(
    {
      method: "POST",
      path: `${T}/disable`,
      operationId: "DisableTeamToken",
      stops: true,
      permission,
      params: teamToken,
      query: ReasonQuery,
      extension,
    },
    async (ctx, { params, query }) =>
      disableOrgToken(ctx, params.tokenId, query.reason, await teamAsOwner(ctx, params.teamName, "team:delete_token")),
  ),
  defineRoute(
    {
      method: "POST",
      path: `${T}/enable`,
      operationId: "EnableTeamToken",
      permission,
      params: teamToken,
      query: ReasonQuery,
      extension,
    },
    async (ctx, { params, query }) => enableOrgToken(ctx, params.tokenId, query.reason, await teamAsMaker(ctx, params.teamName)),
  ),
  defineRoute(
    {
      method: "POST",
      path: `${T}/rotate`,
      operationId: "RotateTeamToken",
      stops: true,
      permission,
      params: teamToken,
      body: RotateAccessTokenRequest,
      extension,
    },
    async (ctx, { params, body }) => rotateOrgToken(ctx, params.tokenId, body, await teamAsMaker(ctx, params.teamName)),
  ),
  defineRoute(
    { method: "GET", path: `${T}/impact`, operationId: "GetTeamTokenImpact", permission, params: teamToken, extension },
    async (ctx, { params }) => getTokenImpact(ctx, params.tokenId, await teamAsOwner(ctx, params.teamName, "team:list_tokens")),
  ),
  defineRoute(
    {
      method: "GET",
      path: `${T}/usage`,
      operationId: "GetTeamTokenUsage",
      permission,
      params: teamToken,
      query: UsageQuery,
      extension,
    },
    async (ctx, { params, query }) =>
      getTokenUsage(ctx, params.tokenId, query.days ?? 30, await teamAsOwner(ctx, params.teamName, "team:list_tokens")),
  ),
  defineRoute(
    { method: "GET", path: `${T}/revocation`, operationId: "GetTeamTokenRevocation", permission, params: teamToken, extension },
    async (ctx, { params }) => getRevocation(ctx, params.tokenId, await teamAsOwner(ctx, params.teamName, "team:list_tokens")),
  ),
];
