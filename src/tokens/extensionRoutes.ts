import * as z from "zod/mini";
import { orgName } from "../http/names.ts";
import { defineRoute } from "../http/route.ts";
import { disableOrgToken, enableOrgToken } from "./enable.ts";
import { getOrgToken } from "./get.ts";
import { getTokenImpact } from "./impact.ts";
import { ReportTokenLeakRequest, ReportTokenLeaksRequest, reportTokenLeak, reportTokenLeaks } from "./leaks.ts";
import { getRevocation } from "./revocation.ts";
import { rotateItself, rotateOrgToken } from "./rotate.ts";
import { ReasonQuery, RotateAccessTokenRequest, UpdateAccessTokenRequest } from "./schema.ts";
import { getTokenUsage } from "./usage.ts";
import { updateOrgToken } from "./update.ts";

const T = "/api/orgs/{orgName}/tokens/{tokenId}" as const;
const orgToken = z.object({ orgName, tokenId: z.string() });
const tags = ["Organizations", "AccessTokens"];
const extension = true as const;

export const tokenExtensionRoutes = [
  defineRoute(
    {
      method: "GET",
      path: T,
      operationId: "GetOrgToken",
      tags,
      summary: "One token, a deleted one too",
      permission: "org_token:read",
      params: orgToken,
      extension,
    },
    (ctx, { params }) => getOrgToken(ctx, params.tokenId),
  ),
  defineRoute(
    {
      method: "PATCH",
      path: T,
      operationId: "UpdateOrgToken",
      tags,
      summary: "Changes display name, description, expiry and limits",
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
      path: `${T}/disable`,
      operationId: "DisableOrgToken",
      tags,
      summary: "Switches a token off at once",
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
      path: `${T}/enable`,
      operationId: "EnableOrgToken",
      tags,
      summary: "Switches a token on again",
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
      path: `${T}/rotate`,
      operationId: "RotateOrgToken",
      tags,
      summary: "A successor with the same rights, shown once; both work for the overlap",
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
      tags: ["Users", "AccessTokens"],
      summary: "The calling token rotates itself, if it was created with that permission",
      permission: "self",
      body: RotateAccessTokenRequest,
      extension,
    },
    (ctx, { body }) => rotateItself(ctx, body),
  ),
  defineRoute(
    {
      method: "GET",
      path: `${T}/impact`,
      operationId: "GetOrgTokenImpact",
      tags,
      summary: "What would notice if the token ended now",
      permission: "org_token:read",
      params: orgToken,
      extension,
    },
    (ctx, { params }) => getTokenImpact(ctx, params.tokenId),
  ),
  defineRoute(
    {
      method: "GET",
      path: `${T}/usage`,
      operationId: "GetOrgTokenUsage",
      tags,
      summary: "Requests by day, and the latest addresses, countries and clients",
      permission: "org_token:read",
      params: orgToken,
      query: z.object({ days: z.optional(z.coerce.number("invalid query parameter").check(z.int(), z.minimum(1), z.maximum(400))) }),
      extension,
    },
    (ctx, { params, query }) => getTokenUsage(ctx, params.tokenId, query.days ?? 30),
  ),
  defineRoute(
    {
      method: "GET",
      path: `${T}/revocation`,
      operationId: "GetOrgTokenRevocation",
      tags,
      summary: "The receipt of a deletion: committed when, and how long a cached read could pass",
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
      tags: ["AccessTokens"],
      summary: "Ends a token that was found; the answer is the same for what is none",
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
      tags: ["AccessTokens"],
      summary: "The same for a secret scanner that signs its reports, many at once",
      permission: "public",
      body: ReportTokenLeaksRequest,
      extension,
    },
    (ctx, { body, text, request }) => reportTokenLeaks(ctx, body, text, request.headers),
  ),
];
