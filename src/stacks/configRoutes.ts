import { defineRoute } from "../http/route.ts";
import { deleteStackConfig, getStackConfig, updateStackConfig } from "./config.ts";
import { stackParams } from "./path.ts";
import { StackConfig } from "./schema.ts";

const S = "/api/stacks/{orgName}/{projectName}/{stackName}" as const;

export const configRoutes = [
  defineRoute(
    {
      method: "GET",
      path: `${S}/config`,
      operationId: "GetStackConfig",
      permission: "stack:read",
      params: stackParams,
    },
    (ctx, { params }) => getStackConfig(ctx, params),
  ),
  defineRoute(
    {
      method: "PUT",
      path: `${S}/config`,
      operationId: "UpdateStackConfig",
      permission: "stack:write",
      params: stackParams,
      body: StackConfig,
    },
    (ctx, { params, body }) => updateStackConfig(ctx, params, body),
  ),
  defineRoute(
    {
      method: "DELETE",
      path: `${S}/config`,
      operationId: "DeleteStackConfig",
      permission: "stack:write",
      params: stackParams,
    },
    (ctx, { params }) => deleteStackConfig(ctx, params),
  ),
];
