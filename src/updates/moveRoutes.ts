import * as z from "zod/mini";
import { orgName } from "../http/names.ts";
import { defineRoute } from "../http/route.ts";
import { STACK_PATH, stackParams } from "../stacks/params.ts";
import { RenameStackRequest, renameStack } from "./rename.ts";
import { TransferAllStacksRequest, TransferStackRequest, transferAllStacks, transferStack } from "./transfer.ts";

/** Routes that change the name, the project or the organization of a stack. */
export const moveRoutes = [
  defineRoute(
    {
      method: "POST",
      path: `${STACK_PATH}/rename`,
      operationId: "RenameStack",
      permission: "stack:rename",
      params: stackParams,
      body: RenameStackRequest,
    },
    (ctx, { params, body }) => renameStack(ctx, params, body),
  ),
  defineRoute(
    {
      method: "POST",
      path: `${STACK_PATH}/transfer`,
      operationId: "TransferStack",
      permission: "stack:transfer",
      params: stackParams,
      body: TransferStackRequest,
    },
    (ctx, { params, body, request }) => transferStack(ctx, params, body, request),
  ),
  defineRoute(
    {
      method: "POST",
      path: "/api/orgs/{orgName}/bulk-transfer/stacks",
      operationId: "TransferAllStacks",
      permission: "organization:transfer_stacks",
      params: z.object({ orgName }),
      body: TransferAllStacksRequest,
    },
    (ctx, { body, request }) => transferAllStacks(ctx, body, request),
  ),
];
