import { defineRoute } from "../http/route.ts";
import { getStackMetadata, listStackPermissions, listStackTeams } from "./get.ts";
import { stackParams } from "./path.ts";

const S = "/api/stacks/{orgName}/{projectName}/{stackName}" as const;

/** Who has to do with a stack. */
export const peopleRoutes = [
  defineRoute(
    {
      method: "GET",
      path: `${S}/metadata`,
      operationId: "GetStackMetadata",
      permission: "stack:read",
      params: stackParams,
    },
    (ctx, { params }) => getStackMetadata(ctx, params),
  ),
  defineRoute(
    {
      method: "GET",
      path: `${S}/teams`,
      operationId: "ListStackTeams",
      permission: "stack:read",
      params: stackParams,
    },
    (ctx, { params }) => listStackTeams(ctx, params),
  ),
  defineRoute(
    {
      method: "GET",
      path: `${S}/collaborators`,
      operationId: "ListStackPermissions",
      permission: "stack:read",
      params: stackParams,
    },
    (ctx, { params }) => listStackPermissions(ctx, params),
  ),
];
