import * as z from "zod/mini";
import { id } from "../http/bounded.ts";
import { orgName } from "../http/names.ts";
import { originOf } from "../http/origin.ts";
import { defineRoute } from "../http/route.ts";
import { getAuthPolicy, updateAuthPolicy } from "./authPolicy.ts";
import { deleteIssuer } from "./delete.ts";
import { testIssuer } from "./dryRun.ts";
import { exchangeRoute } from "./exchangeRoute.ts";
import { getIssuer, listIssuers } from "./issuer.ts";
import { registerIssuer } from "./register.ts";
import { RegisterIssuerRequest, TestIssuerRequest, UpdateIssuerRequest, UpdatePolicyRequest } from "./schema.ts";
import { ListSessionsQuery, endAllSessions, endSession, listSessions } from "./sessions.ts";
import { refreshIssuer, updateIssuer } from "./update.ts";

const ISSUERS = "/api/orgs/{orgName}/oidc/issuers" as const;
const ISSUER = `${ISSUERS}/{issuerId}` as const;
const org = z.object({ orgName });
const issuer = z.object({ orgName, issuerId: id });
const extension = true as const;

export const oidcRoutes = [
  defineRoute(
    { method: "GET", path: ISSUERS, operationId: "List_orgs_oidc_issuers", permission: "oidc_issuers:read", params: org },
    listIssuers,
  ),
  defineRoute(
    {
      method: "POST",
      path: ISSUERS,
      operationId: "RegisterOidcIssuer",
      permission: "oidc_issuers:create",
      params: org,
      body: RegisterIssuerRequest,
    },
    (ctx, { body, request }) => registerIssuer(ctx, body, originOf(ctx.env, request)),
  ),
  defineRoute(
    { method: "GET", path: ISSUER, operationId: "GetOidcIssuer", permission: "oidc_issuers:read", params: issuer },
    (ctx, { params }) => getIssuer(ctx, params.issuerId),
  ),
  defineRoute(
    {
      method: "PATCH",
      path: ISSUER,
      operationId: "UpdateOidcIssuer",
      stops: true,
      permission: "oidc_issuers:update",
      params: issuer,
      body: UpdateIssuerRequest,
    },
    (ctx, { params, body }) => updateIssuer(ctx, params.issuerId, body),
  ),
  defineRoute(
    { method: "DELETE", path: ISSUER, operationId: "DeleteOidcIssuer", stops: true, permission: "oidc_issuers:delete", params: issuer },
    (ctx, { params }) => deleteIssuer(ctx, params.issuerId),
  ),
  defineRoute(
    {
      method: "POST",
      path: `${ISSUER}/regenerate-thumbprints`,
      operationId: "RegenerateThumbprints",
      permission: "oidc_issuers:update",
      params: issuer,
    },
    (ctx, { params }) => refreshIssuer(ctx, params.issuerId),
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/auth/policies/oidcissuers/{issuerId}",
      operationId: "GetAuthPolicy",
      permission: "auth_policies:read",
      params: issuer,
    },
    (ctx, { params }) => getAuthPolicy(ctx, params.issuerId),
  ),
  defineRoute(
    {
      method: "PATCH",
      path: "/api/orgs/{orgName}/auth/policies/{policyId}",
      operationId: "UpdateAuthPolicy",
      stops: true,
      permission: "auth_policies:update",
      params: z.object({ orgName, policyId: id }),
      body: UpdatePolicyRequest,
    },
    (ctx, { params, body }) => updateAuthPolicy(ctx, params.policyId, body),
  ),
  exchangeRoute,
  defineRoute(
    {
      method: "POST",
      path: `${ISSUER}/test`,
      operationId: "TestOidcIssuer",
      permission: "auth_policies:read",
      params: issuer,
      body: TestIssuerRequest,
      extension,
    },
    (ctx, { params, body, request }) => testIssuer(ctx, params.issuerId, body, originOf(ctx.env, request)),
  ),
  defineRoute(
    {
      method: "GET",
      path: `${ISSUER}/sessions`,
      operationId: "ListOidcSessions",
      permission: "oidc_issuers:read",
      params: issuer,
      query: ListSessionsQuery,
      extension,
    },
    (ctx, { params, query }) => listSessions(ctx, params.issuerId, query),
  ),
  defineRoute(
    {
      method: "DELETE",
      path: `${ISSUER}/sessions/{tokenId}`,
      operationId: "EndOidcSession",
      stops: true,
      permission: "oidc_issuers:update",
      params: z.object({ orgName, issuerId: id, tokenId: id }),
      extension,
    },
    (ctx, { params }) => endSession(ctx, params.issuerId, params.tokenId),
  ),
  defineRoute(
    {
      method: "DELETE",
      path: `${ISSUER}/sessions`,
      operationId: "EndOidcSessions",
      stops: true,
      permission: "oidc_issuers:update",
      params: issuer,
      extension,
    },
    (ctx, { params }) => endAllSessions(ctx, params.issuerId),
  ),
];
