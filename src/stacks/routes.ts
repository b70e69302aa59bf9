import * as z from "zod/mini";
import { notFound } from "../errors.ts";
import { orgName } from "../http/names.ts";
import { defineRoute } from "../http/route.ts";
import { createStack } from "./create.ts";
import { exportStack } from "./export.ts";
import { getStack, projectExists } from "./get.ts";
import { listUserStacks } from "./list.ts";
import { STACK_PATH, projectParams, stackParams, versionParams } from "./params.ts";
import { getOrganization } from "./repositories.ts";
import { CreateStackRequest, ListUserStacksQuery } from "./schema.ts";

const PROJECT_PATH = "/api/stacks/{orgName}/{projectName}" as const;

export const stackRoutes = [
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}",
      operationId: "GetOrganization",
      permission: "organization:read",
      params: z.object({ orgName }),
    },
    (ctx) => getOrganization(ctx),
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/user/stacks",
      operationId: "ListUserStacks",
      permission: "self",
      query: ListUserStacksQuery,
    },
    (ctx, { query }) => listUserStacks(ctx, query),
  ),
  defineRoute(
    {
      method: "HEAD",
      path: PROJECT_PATH,
      operationId: "ProjectExists",
      permission: "stack:list",
      params: projectParams,
    },
    async (ctx, { params }) => {
      if (!(await projectExists(ctx, params.projectName))) throw notFound(`Project '${params.orgName}/${params.projectName}'`);
      return {};
    },
  ),
  defineRoute(
    {
      method: "POST",
      path: PROJECT_PATH,
      operationId: "CreateStack",
      permission: "stack:create",
      params: projectParams,
      body: CreateStackRequest,
      bodyLimit: "stack",
    },
    (ctx, { params, body, text }) => createStack(ctx, params.projectName, body, text),
  ),
  defineRoute(
    {
      method: "GET",
      path: STACK_PATH,
      operationId: "GetStack",
      permission: "stack:read",
      params: stackParams,
    },
    (ctx, { params }) => getStack(ctx, params),
  ),
  defineRoute(
    {
      method: "GET",
      path: `${STACK_PATH}/export`,
      operationId: "ExportStack",
      permission: "stack:export",
      params: stackParams,
    },
    (ctx, { params }) => exportStack(ctx, params),
  ),
  defineRoute(
    {
      method: "GET",
      path: `${STACK_PATH}/export/{version}`,
      operationId: "ExportStackAtVersion",
      permission: "stack:export",
      params: versionParams,
    },
    (ctx, { params }) => exportStack(ctx, params, params.version),
  ),
];
