import * as z from "zod/mini";
import { id, queryNumber } from "../http/bounded.ts";
import { orgName, teamName } from "../http/names.ts";
import { defineRoute } from "../http/route.ts";
import { teamAsOwner } from "../teams/tokens.ts";
import { getRightsize } from "./get.ts";

const DEFAULT_DAYS = 90;
const query = z.object({ days: z.optional(queryNumber(30, DEFAULT_DAYS, "days is 30 to 90")) });
/** Only administrators: the answer contains stacks and rights from the log of the whole organization. */
const permission = "org_token:update" as const;
const extension = true as const;

export const rightsizeRoutes = [
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/tokens/{tokenId}/rightsize",
      operationId: "GetOrgTokenRightsize",
      permission,
      params: z.object({ orgName, tokenId: id }),
      query,
      extension,
    },
    (ctx, { params, query: { days = DEFAULT_DAYS } }) => getRightsize(ctx, params.tokenId, days),
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/teams/{teamName}/tokens/{tokenId}/rightsize",
      operationId: "GetTeamTokenRightsize",
      permission,
      params: z.object({ orgName, teamName, tokenId: id }),
      query,
      extension,
    },
    async (ctx, { params, query: { days = DEFAULT_DAYS } }) =>
      getRightsize(ctx, params.tokenId, days, await teamAsOwner(ctx, params.teamName, "team:list_tokens")),
  ),
];
