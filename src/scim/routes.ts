import * as z from "zod/mini";
import { id } from "../http/bounded.ts";
import { orgName } from "../http/names.ts";
import { originOf } from "../http/origin.ts";
import { defineRoute } from "../http/route.ts";
import { createScimToken } from "./tokens/create.ts";
import { deleteScimToken } from "./tokens/delete.ts";
import { listScimTokens } from "./tokens/list.ts";
import { CreateScimTokenRequest, UpdateScimSettingsRequest } from "./tokens/schema.ts";
import { getScim, updateScim } from "./tokens/settings.ts";

const SCIM = "/api/orgs/{orgName}/scim" as const;
const params = z.object({ orgName });
const extension = true as const;

/** The operations with which administrators set SCIM up. The protocol itself is served by `serveScim`. */
export const scimRoutes = [
  defineRoute({ method: "GET", path: SCIM, operationId: "GetScim", permission: "org_token:read", params, extension }, (ctx, { request }) =>
    getScim(ctx, originOf(ctx.env, request)),
  ),
  defineRoute(
    {
      method: "PATCH",
      path: SCIM,
      operationId: "UpdateScim",
      permission: "organization:set_access",
      params,
      body: UpdateScimSettingsRequest,
      extension,
    },
    (ctx, { body, request }) => updateScim(ctx, body, originOf(ctx.env, request)),
  ),
  defineRoute(
    { method: "GET", path: `${SCIM}/tokens`, operationId: "ListScimTokens", permission: "org_token:read", params, extension },
    listScimTokens,
  ),
  defineRoute(
    {
      method: "POST",
      path: `${SCIM}/tokens`,
      operationId: "CreateScimToken",
      permission: "org_token:create",
      params,
      body: CreateScimTokenRequest,
      extension,
    },
    (ctx, { body }) => createScimToken(ctx, body),
  ),
  defineRoute(
    {
      method: "DELETE",
      path: `${SCIM}/tokens/{tokenId}`,
      operationId: "DeleteScimToken",
      stops: true,
      permission: "org_token:delete",
      params: z.object({ orgName, tokenId: id }),
      extension,
    },
    (ctx, { params: { tokenId } }) => deleteScimToken(ctx, tokenId),
  ),
];
