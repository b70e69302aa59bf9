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
      tags: ["Stacks"],
      summary: "Whose the stack is, and whom it notifies",
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
      tags: ["Stacks"],
      summary: "Teams with rights to the stack",
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
      tags: ["Stacks"],
      summary: "Who made the stack, and people with rights to it alone",
      permission: "stack:read",
      params: stackParams,
    },
    (ctx, { params }) => listStackPermissions(ctx, params),
  ),
];
