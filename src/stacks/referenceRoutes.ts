import { defineRoute } from "../http/route.ts";
import { STACK, stackParams } from "./path.ts";
import { listDownstreamReferences, listUpstreamReferences } from "./references.ts";

export const referenceRoutes = [
  defineRoute(
    {
      method: "GET",
      path: `${STACK}/upstreamreferences`,
      operationId: "ListUpstreamStackReferences",
      permission: "stack:read",
      params: stackParams,
    },
    (ctx, { params }) => listUpstreamReferences(ctx, params),
  ),
  defineRoute(
    {
      method: "GET",
      path: `${STACK}/downstreamreferences`,
      operationId: "ListDownstreamStackReferences",
      permission: "stack:read",
      params: stackParams,
    },
    (ctx, { params }) => listDownstreamReferences(ctx, params),
  ),
];
