import * as z from "zod/mini";
import { id } from "../http/bounded.ts";
import { orgName } from "../http/names.ts";
import { defineRoute } from "../http/route.ts";
import { AppError } from "../errors.ts";
import { createRole } from "./create.ts";
import { deleteRole } from "./delete.ts";
import { getRole } from "./get.ts";
import { listTeamsWithRole, listUsersWithRole } from "./holders.ts";
import { listRoles } from "./list.ts";
import { CreateRoleRequest, UpdateRoleRequest, flag, uxPurpose } from "./schema.ts";
import { availableScopes } from "./scopes.ts";
import { setDefaultRole } from "./setDefault.ts";
import { updateRole } from "./update.ts";

const org = z.object({ orgName });
const role = z.object({ orgName, roleID: id });

export const roleRoutes = [
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/roles",
      operationId: "ListRolesByOrgIDAndUXPurpose",
      permission: "role:read",
      params: org,
      query: z.object({ uxPurpose }),
    },
    (ctx, { query }) => listRoles(ctx, query.uxPurpose),
  ),
  defineRoute(
    {
      method: "POST",
      path: "/api/orgs/{orgName}/roles",
      operationId: "CreateRole",
      permission: "role:create",
      params: org,
      query: z.object({ createPolicyAndRole: flag }),
      body: CreateRoleRequest,
    },
    (ctx, { query, body, text }) => {
      if (query.createPolicyAndRole) throw new AppError(400, "createPolicyAndRole is not supported here: create the role without it.");
      return createRole(ctx, body, text);
    },
  ),
  // This route comes before the route of one role, whose id could be `scopes`.
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/roles/scopes",
      operationId: "ListAvailableScopes",
      permission: "role:read",
      params: org,
    },
    async () => availableScopes,
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/roles/{roleID}",
      operationId: "GetRole",
      permission: "role:read",
      params: role,
    },
    (ctx, { params }) => getRole(ctx, params.roleID),
  ),
  defineRoute(
    {
      method: "PATCH",
      path: "/api/orgs/{orgName}/roles/{roleID}",
      operationId: "UpdateRole",
      dryRun: true,
      permission: "role:update",
      params: role,
      body: UpdateRoleRequest,
    },
    (ctx, { params, body, text }) => updateRole(ctx, params.roleID, body, text),
  ),
  defineRoute(
    {
      method: "DELETE",
      path: "/api/orgs/{orgName}/roles/{roleID}",
      operationId: "DeleteRole",
      dryRun: true,
      permission: "role:delete",
      params: role,
      query: z.object({ force: flag }),
    },
    (ctx, { params, query }) => deleteRole(ctx, params.roleID, query.force),
  ),
  defineRoute(
    {
      method: "PATCH",
      path: "/api/orgs/{orgName}/roles/{roleID}/default",
      operationId: "UpdateOrganizationDefaultRole",
      dryRun: true,
      permission: "role:update",
      params: role,
    },
    (ctx, { params }) => setDefaultRole(ctx, params.roleID),
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/roles/{roleID}/users",
      operationId: "ListUsersWithRole",
      permission: "role:read",
      params: role,
    },
    (ctx, { params }) => listUsersWithRole(ctx, params.roleID),
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/roles/{roleID}/teams",
      operationId: "ListTeamsWithRole",
      permission: "role:read",
      params: role,
    },
    (ctx, { params }) => listTeamsWithRole(ctx, params.roleID),
  ),
];
