import { defineRoute } from "../http/route.ts";
import { deleteStackConfig, getStackConfig, updateStackConfig } from "./config.ts";
import { STACK_PATH, stackParams } from "./params.ts";
import { StackConfig } from "./schema.ts";

export const configRoutes = [
  defineRoute(
    {
      method: "GET",
      path: `${STACK_PATH}/config`,
      operationId: "GetStackConfig",
      permission: "stack:read",
      params: stackParams,
    },
    (ctx, { params }) => getStackConfig(ctx, params),
  ),
  defineRoute(
    {
      method: "PUT",
      path: `${STACK_PATH}/config`,
      operationId: "UpdateStackConfig",
      permission: "stack:write",
      params: stackParams,
      body: StackConfig,
    },
    (ctx, { params }) => updateStackConfig(ctx, params),
  ),
  defineRoute(
    {
      method: "DELETE",
      path: `${STACK_PATH}/config`,
      operationId: "DeleteStackConfig",
      permission: "stack:write",
      params: stackParams,
    },
    (ctx, { params }) => deleteStackConfig(ctx, params),
  ),
];
