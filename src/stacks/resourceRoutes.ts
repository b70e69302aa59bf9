import * as z from "zod/mini";
import { text } from "../http/bounded.ts";
import { type Route, defineRoute } from "../http/route.ts";
import { STACK_PATH, stackParams, versionParams } from "./params.ts";
import { getStackOverview, getStackResource, getStackResourceCount, getStackResources } from "./resources.ts";

const RESOURCES_PATH = `${STACK_PATH}/resources` as const;

/** These routes return parts of the state, so they need the right to export and are audited as an export. */
const taken = { method: "GET", permission: "stack:export" } as const satisfies Partial<Route["definition"]>;
const one = { urn: text(10_000) };

export const resourceRoutes = [
  defineRoute(
    {
      method: "GET",
      path: `${RESOURCES_PATH}/count`,
      operationId: "GetStackResourceCount",
      permission: "stack:read",
      params: stackParams,
    },
    (ctx, { params }) => getStackResourceCount(ctx, params),
  ),
  defineRoute(
    {
      ...taken,
      path: `${RESOURCES_PATH}/latest`,
      operationId: "GetLatestStackResources",
      params: stackParams,
    },
    (ctx, { params }) => getStackResources(ctx, params),
  ),
  defineRoute(
    {
      ...taken,
      path: `${RESOURCES_PATH}/latest/{urn}`,
      operationId: "GetLatestStackResource",
      params: z.extend(stackParams, one),
    },
    (ctx, { params }) => getStackResource(ctx, params, params.urn),
  ),
  defineRoute(
    {
      ...taken,
      path: `${RESOURCES_PATH}/{version}`,
      operationId: "GetStackResources",
      params: versionParams,
    },
    (ctx, { params }) => getStackResources(ctx, params, params.version),
  ),
  defineRoute(
    {
      ...taken,
      path: `${RESOURCES_PATH}/{version}/{urn}`,
      operationId: "GetStackResource",
      params: z.extend(versionParams, one),
    },
    (ctx, { params }) => getStackResource(ctx, params, params.urn, params.version),
  ),
  defineRoute(
    {
      ...taken,
      path: "/api/console/stacks/{orgName}/{projectName}/{stackName}/overview",
      operationId: "GetStackOverview",
      params: stackParams,
    },
    (ctx, { params }) => getStackOverview(ctx, params),
  ),
];
