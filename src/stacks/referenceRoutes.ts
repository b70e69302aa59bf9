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
      tags: ["Stacks"],
      summary: "Stacks that this one reads outputs of",
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
      tags: ["Stacks"],
      summary: "Stacks that read outputs of this one",
      permission: "stack:read",
      params: stackParams,
    },
    (ctx, { params }) => listDownstreamReferences(ctx, params),
  ),
];
