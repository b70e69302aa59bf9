import * as z from "zod/mini";
import { text } from "../http/bounded.ts";
import { defineRoute } from "../http/route.ts";
import { deleteStackPermission, getStackMetadata, listStackPermissions, listStackTeams } from "./get.ts";
import { STACK, stackParams } from "./path.ts";

/** Who has to do with a stack. */
export const peopleRoutes = [
  defineRoute(
    {
      method: "GET",
      path: `${STACK}/metadata`,
      operationId: "GetStackMetadata",
      permission: "stack:read",
      params: stackParams,
    },
    (ctx, { params }) => getStackMetadata(ctx, params),
  ),
  defineRoute(
    {
      method: "GET",
      path: `${STACK}/teams`,
      operationId: "ListStackTeams",
      permission: "stack:read",
      params: stackParams,
    },
    (ctx, { params }) => listStackTeams(ctx, params),
  ),
  defineRoute(
    {
      method: "GET",
      path: `${STACK}/collaborators`,
      operationId: "ListStackPermissions",
      permission: "stack:read",
      params: stackParams,
    },
    (ctx, { params }) => listStackPermissions(ctx, params),
  ),
  defineRoute(
    {
      method: "DELETE",
      path: `${STACK}/collaborators/{userName}`,
      operationId: "DeleteStackPermission",
      permission: "stack_access:update",
      params: z.extend(stackParams, { userName: text(200) }),
    },
    (ctx, { params: { userName, ...path } }) => deleteStackPermission(ctx, path, userName),
  ),
];
