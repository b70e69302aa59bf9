import * as z from "zod/mini";
import { orgName } from "../http/names.ts";
import { defineRoute } from "../http/route.ts";
import { acceptMembership, leaveOrganization } from "./consent.ts";

const org = z.object({ orgName });
const extension = true as const;

/** Routes for a person's own memberships. */
export const membershipRoutes = [
  defineRoute(
    {
      method: "POST",
      path: "/api/user/organizations/{orgName}/accept",
      operationId: "AcceptMembership",
      permission: "person",
      params: org,
      extension,
    },
    (ctx, { params }) => acceptMembership(ctx, params.orgName),
  ),
  defineRoute(
    {
      method: "DELETE",
      path: "/api/user/organizations/{orgName}",
      operationId: "LeaveOrganization",
      stops: true,
      permission: "person",
      params: org,
      extension,
    },
    (ctx, { params }) => leaveOrganization(ctx, params.orgName),
  ),
];
