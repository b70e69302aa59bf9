import { defineRoute } from "../http/route.ts";
import { STACK_PATH, stackParams } from "./params.ts";
import { listDownstreamReferences, listUpstreamReferences } from "./references.ts";

export const referenceRoutes = [
  defineRoute(
    {
      method: "GET",
      path: `${STACK_PATH}/upstreamreferences`,
      operationId: "ListUpstreamStackReferences",
      permission: "stack:read",
      params: stackParams,
    },
    (ctx, { params }) => listUpstreamReferences(ctx, params),
  ),
  defineRoute(
    {
      method: "GET",
      path: `${STACK_PATH}/downstreamreferences`,
      operationId: "ListDownstreamStackReferences",
      permission: "stack:read",
      params: stackParams,
    },
    (ctx, { params }) => listDownstreamReferences(ctx, params),
  ),
];
