import * as z from "zod/mini";
import { id, text } from "../http/bounded.ts";
import { orgName } from "../http/names.ts";
import { defineRoute } from "../http/route.ts";
import { listDeletedStacks, restoreDeletedStack } from "./deleted.ts";

const DELETED_PATH = "/api/orgs/{orgName}/restore-stack" as const;

export const deletedRoutes = [
  defineRoute(
    {
      method: "GET",
      path: DELETED_PATH,
      operationId: "ListDeletedStacks",
      permission: "stack:list_deleted",
      params: z.object({ orgName }),
    },
    (ctx) => listDeletedStacks(ctx),
  ),
  defineRoute(
    {
      method: "POST",
      path: `${DELETED_PATH}/{programID}`,
      operationId: "RestoreDeletedStack",
      permission: "stack:restore_deleted",
      params: z.object({ orgName, programID: id }),
      body: z.object({ stackName: text(200) }),
    },
    (ctx, { params, body }) => restoreDeletedStack(ctx, params.programID, body.stackName),
  ),
];
