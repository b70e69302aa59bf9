import * as z from "zod/mini";
import { orgName } from "../http/names.ts";
import { defineRoute } from "../http/route.ts";
import { callerRoutes } from "./callerRoutes.ts";
import { setDefaultOrganization } from "./setDefault.ts";

const updateDefaultOrganization = defineRoute(
  {
    method: "POST",
    path: "/api/user/organizations/{orgName}/default",
    operationId: "UpdateDefaultOrganization",
    permission: "person",
    params: z.object({ orgName }),
  },
  (ctx, { params }) => setDefaultOrganization(ctx, params.orgName),
);

export const userRoutes = [...callerRoutes, updateDefaultOrganization];
