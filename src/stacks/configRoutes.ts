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
      tags: ["Stacks", "StackConfig"],
      summary: "Where the stack's configuration is kept, when not with its program",
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
      tags: ["Stacks", "StackConfig"],
      summary: "Says where the stack's configuration is kept",
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
      tags: ["Stacks", "StackConfig"],
      summary: "The configuration is kept with the program again",
      permission: "stack:write",
      params: stackParams,
    },
    (ctx, { params }) => deleteStackConfig(ctx, params),
  ),
];
