import { defineRoute } from "../http/route.ts";
import { stackParams } from "./path.ts";
import { listDownstreamReferences, listUpstreamReferences } from "./references.ts";

const S = "/api/stacks/{orgName}/{projectName}/{stackName}" as const;

export const referenceRoutes = [
  defineRoute(
    {
      method: "GET",
      path: `${S}/upstreamreferences`,
      operationId: "ListUpstreamStackReferences",
      permission: "stack:read",
      params: stackParams,
    },
    (ctx, { params }) => listUpstreamReferences(ctx, params),
  ),
  defineRoute(
    {
      method: "GET",
      path: `${S}/downstreamreferences`,
      operationId: "ListDownstreamStackReferences",
      permission: "stack:read",
      params: stackParams,
    },
    (ctx, { params }) => listDownstreamReferences(ctx, params),
  ),
];
