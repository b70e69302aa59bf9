import * as z from "zod/mini";
import { orgName } from "../http/names.ts";
import { defineRoute } from "../http/route.ts";
import { STACK_PATH, stackParams } from "../stacks/params.ts";
import { explainAccess } from "./explain.ts";
import { listStackAccess } from "./list.ts";
import { ExplainAccessQuery, ListStackAccessQuery } from "./schema.ts";

export const explainRoutes = [
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/access",
      operationId: "ExplainAccess",
      // Everybody may ask about themselves; the work checks the rest.
      permission: "organization:read",
      params: z.object({ orgName }),
      query: ExplainAccessQuery,
      extension: true,
    },
    (ctx, { query }) => explainAccess(ctx, query),
  ),
  defineRoute(
    {
      method: "GET",
      path: `${STACK_PATH}/access`,
      operationId: "ListStackAccess",
      permission: "stack_access:read",
      params: stackParams,
      query: ListStackAccessQuery,
      extension: true,
    },
    (ctx, { params, query }) => listStackAccess(ctx, params, query),
  ),
];
