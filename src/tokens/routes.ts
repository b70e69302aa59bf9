import * as z from "zod/mini";
import { id } from "../http/bounded.ts";
import { orgName } from "../http/names.ts";
import { defineRoute } from "../http/route.ts";
import { createOrgToken, createPersonalToken } from "./create.ts";
import { deleteOrgToken, deletePersonalToken } from "./delete.ts";
import { listOrgTokens, listPersonalTokens, listTokensWithRole } from "./list.ts";
import { receiptHeaders } from "./revocation.ts";
import { revokeOrgToken, revokePersonalToken } from "./revoke.ts";
import {
  CreateOrgAccessTokenRequest,
  CreatePersonalAccessTokenRequest,
  ListOrgTokensQuery,
  ListTokensQuery,
  ReasonQuery,
  withDescendants,
} from "./schema.ts";

const org = z.object({ orgName });
const orgToken = z.object({ orgName, tokenId: id });
const personalToken = z.object({ tokenId: id });
const source = (request: Request) => request.headers.get("X-Pulumi-Source");

/** Operations of the public contract. The operations that only Stackpass has are in `extensionRoutes`. */
export const tokenRoutes = [
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/tokens",
      operationId: "ListOrgTokens",
      permission: "org_token:read",
      params: org,
      query: ListOrgTokensQuery,
    },
    (ctx, { query, request }) => listOrgTokens(ctx, query, source(request)),
  ),
  defineRoute(
    {
      method: "POST",
      path: "/api/orgs/{orgName}/tokens",
      operationId: "CreateOrgToken",
      dryRun: true,
      permission: "org_token:create",
      params: org,
      query: ReasonQuery,
      body: CreateOrgAccessTokenRequest,
    },
    (ctx, { body, query }) => createOrgToken(ctx, body, query.reason),
  ),
  defineRoute(
    {
      method: "DELETE",
      path: "/api/orgs/{orgName}/tokens/{tokenId}",
      operationId: "DeleteOrgToken",
      dryRun: "report",
      stops: true,
      permission: "org_token:delete",
      params: orgToken,
      query: z.extend(ReasonQuery, { withDescendants }),
    },
    async (ctx, { params, query }) => {
      if (query.withDescendants) {
        const { report, receipt } = await revokeOrgToken(ctx, params.tokenId, query.reason);
        return Response.json(report, { headers: receipt ? receiptHeaders(receipt) : {} });
      }
      const receipt = await deleteOrgToken(ctx, params.tokenId, query.reason);
      return new Response(null, { status: 204, headers: receipt ? receiptHeaders(receipt) : {} });
    },
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/roles/{roleID}/tokens",
      operationId: "ListOrgTokensWithRole",
      permission: "org_token:read",
      params: z.object({ orgName, roleID: id }),
      query: ListTokensQuery,
    },
    (ctx, { params, query }) => listTokensWithRole(ctx, params.roleID, query),
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/user/tokens",
      operationId: "ListPersonalTokens",
      permission: "person",
      query: ListTokensQuery,
    },
    (ctx, { query, request }) => listPersonalTokens(ctx, query, source(request)),
  ),
  defineRoute(
    {
      method: "POST",
      path: "/api/user/tokens",
      operationId: "CreatePersonalToken",
      permission: "person",
      query: ReasonQuery,
      body: CreatePersonalAccessTokenRequest,
    },
    (ctx, { body, query }) => createPersonalToken(ctx, body, query.reason),
  ),
  defineRoute(
    {
      method: "DELETE",
      path: "/api/user/tokens/{tokenId}",
      operationId: "DeletePersonalToken",
      stops: true,
      permission: "person",
      params: personalToken,
      query: z.object({ withDescendants }),
    },
    (ctx, { params, query }) => (query.withDescendants ? revokePersonalToken : deletePersonalToken)(ctx, params.tokenId),
  ),
];
