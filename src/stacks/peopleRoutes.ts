import * as z from "zod/mini";
import { text } from "../http/bounded.ts";
import { defineRoute } from "../http/route.ts";
import { deleteStackPermission, getStackMetadata, listStackPermissions, listStackTeams } from "./get.ts";
import { STACK_PATH, stackParams } from "./params.ts";

/** Routes for the owner, the teams and the collaborators of a stack. */
export const peopleRoutes = [
  defineRoute(
    {
      method: "GET",
      path: `${STACK_PATH}/metadata`,
      operationId: "GetStackMetadata",
      permission: "stack:read",
      params: stackParams,
    },
    (ctx, { params }) => getStackMetadata(ctx, params),
  ),
  defineRoute(
    {
      method: "GET",
      path: `${STACK_PATH}/teams`,
      operationId: "ListStackTeams",
      permission: "stack:read",
      params: stackParams,
    },
    (ctx, { params }) => listStackTeams(ctx, params),
  ),
  defineRoute(
    {
      method: "GET",
      path: `${STACK_PATH}/collaborators`,
      operationId: "ListStackPermissions",
      permission: "stack:read",
      params: stackParams,
    },
    (ctx, { params }) => listStackPermissions(ctx, params),
  ),
  defineRoute(
    {
      method: "DELETE",
      path: `${STACK_PATH}/collaborators/{userName}`,
      operationId: "DeleteStackPermission",
      dryRun: true,
      permission: "stack_access:update",
      params: z.extend(stackParams, { userName: text(200) }),
    },
    (ctx, { params: { userName, ...path } }) => deleteStackPermission(ctx, path, userName),
  ),
];
