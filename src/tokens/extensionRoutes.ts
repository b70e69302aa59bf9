import * as z from "zod/mini";
import { id } from "../http/bounded.ts";
import { orgName } from "../http/names.ts";
import { defineRoute } from "../http/route.ts";
import { disableOrgToken, enableOrgToken } from "./enable.ts";
import { getOrgToken } from "./get.ts";
import { getPersonalImpact, getTokenImpact } from "./impact.ts";
import { ReportTokenLeakRequest, ReportTokenLeaksRequest, reportTokenLeak, reportTokenLeaks } from "./leaks.ts";
import { getRevocation } from "./revocation.ts";
import { rotateItself, rotateOrgToken } from "./rotate.ts";
import { ReasonQuery, RotateAccessTokenRequest, UpdateAccessTokenRequest, UsageQuery } from "./schema.ts";
import { getTokenUsage } from "./usage.ts";
import { updateOrgToken } from "./update.ts";

const TOKEN_PATH = "/api/orgs/{orgName}/tokens/{tokenId}" as const;
const orgToken = z.object({ orgName, tokenId: id });
const extension = true as const;

export const tokenExtensionRoutes = [
  defineRoute(
    {
      method: "GET",
      path: TOKEN_PATH,
      operationId: "GetOrgToken",
      permission: "org_token:read",
      params: orgToken,
      extension,
    },
    (ctx, { params }) => getOrgToken(ctx, params.tokenId),
  ),
  defineRoute(
    {
      method: "PATCH",
      path: TOKEN_PATH,
      operationId: "UpdateOrgToken",
      dryRun: true,
      stops: true,
      permission: "org_token:update",
      params: orgToken,
      body: UpdateAccessTokenRequest,
      extension,
    },
    (ctx, { params, body }) => updateOrgToken(ctx, params.tokenId, body),
  ),
  defineRoute(
    {
      method: "POST",
      path: `${TOKEN_PATH}/disable`,
      operationId: "DisableOrgToken",
      stops: true,
      permission: "org_token:update",
      params: orgToken,
      query: ReasonQuery,
      extension,
    },
    (ctx, { params, query }) => disableOrgToken(ctx, params.tokenId, query.reason),
  ),
  defineRoute(
    {
      method: "POST",
      path: `${TOKEN_PATH}/enable`,
      operationId: "EnableOrgToken",
      permission: "org_token:update",
      params: orgToken,
      query: ReasonQuery,
      extension,
    },
    (ctx, { params, query }) => enableOrgToken(ctx, params.tokenId, query.reason),
  ),
  defineRoute(
    {
      method: "POST",
      path: `${TOKEN_PATH}/rotate`,
      operationId: "RotateOrgToken",
      stops: true,
      permission: "org_token:update",
      params: orgToken,
      body: RotateAccessTokenRequest,
      extension,
    },
    (ctx, { params, body }) => rotateOrgToken(ctx, params.tokenId, body),
  ),
  defineRoute(
    {
      method: "POST",
      path: "/api/user/token/rotate",
      operationId: "RotateThisToken",
      permission: "self",
      body: RotateAccessTokenRequest,
      extension,
    },
    (ctx, { body }) => rotateItself(ctx, body),
  ),
  defineRoute(
    {
      method: "GET",
      path: `${TOKEN_PATH}/impact`,
      operationId: "GetOrgTokenImpact",
      permission: "org_token:read",
      params: orgToken,
      extension,
    },
    (ctx, { params }) => getTokenImpact(ctx, params.tokenId),
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/user/tokens/{tokenId}/impact",
      operationId: "GetPersonalTokenImpact",
      permission: "person",
      bounded: true,
      params: z.object({ tokenId: id }),
      extension,
    },
    (ctx, { params }) => getPersonalImpact(ctx, params.tokenId),
  ),
  defineRoute(
    {
      method: "GET",
      path: `${TOKEN_PATH}/usage`,
      operationId: "GetOrgTokenUsage",
      permission: "org_token:read",
      params: orgToken,
      query: UsageQuery,
      extension,
    },
    (ctx, { params, query }) => getTokenUsage(ctx, params.tokenId, query.days ?? 30),
  ),
  defineRoute(
    {
      method: "GET",
      path: `${TOKEN_PATH}/revocation`,
      operationId: "GetOrgTokenRevocation",
      permission: "org_token:read",
      params: orgToken,
      extension,
    },
    (ctx, { params }) => getRevocation(ctx, params.tokenId),
  ),
  defineRoute(
    {
      method: "POST",
      path: "/api/token-leaks",
      operationId: "ReportTokenLeak",
      permission: "public",
      body: ReportTokenLeakRequest,
      extension,
    },
    (ctx, { body }) => reportTokenLeak(ctx, body),
  ),
  defineRoute(
    {
      method: "POST",
      path: "/api/token-leaks/scanner",
      operationId: "ReportTokenLeaks",
      permission: "public",
      body: ReportTokenLeaksRequest,
      extension,
    },
    (ctx, { body, text, request }) => reportTokenLeaks(ctx, body, text, request.headers),
  ),
];
