import * as z from "zod/mini";
import { orgName } from "../http/names.ts";
import { defineRoute } from "../http/route.ts";
import { role } from "./inviteSchema.ts";
import { getRole, listRoles, uxPurpose } from "./listRoles.ts";
import { addMember, changeMemberRole, listMembers, removeMember } from "./members.ts";
import { getOrganizationMetadata } from "./metadata.ts";
import { roleOf } from "./roles.ts";
import { UpdateOrganizationRequest, updateOrganizationSettings } from "./settings.ts";

const org = z.object({ orgName });
const member = z.object({ orgName, userLogin: z.string() });

export const orgRoutes = [
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}",
      operationId: "GetOrganization",
      tags: ["Organizations"],
      summary: "Name of the organization",
      permission: "organization:read",
      params: org,
    },
    async ({ org }) => ({ githubLogin: org.name, name: org.name, avatarUrl: "", repos: [] }),
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/metadata",
      operationId: "GetOrganizationMetadata",
      tags: ["Organizations"],
      summary: "What the organization is and what it has decided",
      permission: "organization:read",
      params: org,
    },
    (ctx) => getOrganizationMetadata(ctx),
  ),
  defineRoute(
    {
      method: "PATCH",
      path: "/api/orgs/{orgName}",
      operationId: "UpdateOrganizationSettings",
      tags: ["Organizations"],
      summary: "Changes settings; audited with old and new values",
      permission: "organization:update",
      params: org,
      body: UpdateOrganizationRequest,
    },
    (ctx, { body }) => updateOrganizationSettings(ctx, body),
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/roles",
      operationId: "ListRolesByOrgIDAndUXPurpose",
      tags: ["Organizations"],
      summary: "The roles that people and tokens may have",
      permission: "role:read",
      params: org,
      query: z.object({ uxPurpose }),
    },
    (ctx, { query }) => listRoles(ctx, query.uxPurpose),
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/roles/{roleID}",
      operationId: "GetRole",
      tags: ["Organizations"],
      summary: "One role",
      permission: "role:read",
      params: z.object({ orgName, roleID: z.string() }),
    },
    (ctx, { params }) => getRole(ctx, params.roleID),
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/members",
      operationId: "ListOrganizationMembers",
      tags: ["Organizations"],
      summary: "Who is in the organization, and as what",
      permission: "org_member:read",
      params: org,
      query: z.object({
        type: z.optional(z.enum(["frontend", "backend"], "invalid query parameter")),
        continuationToken: z.optional(z.string()),
      }),
    },
    (ctx, { query }) => listMembers(ctx, query.continuationToken),
  ),
  defineRoute(
    {
      method: "POST",
      path: "/api/orgs/{orgName}/members/{userLogin}",
      operationId: "AddOrganizationMember",
      tags: ["Organizations"],
      summary: "Adds a known user",
      permission: "org_member:add",
      params: member,
      body: z.object({ role }),
    },
    (ctx, { params, body }) => addMember(ctx, params.userLogin, body.role),
  ),
  defineRoute(
    {
      method: "PATCH",
      path: "/api/orgs/{orgName}/members/{userLogin}",
      operationId: "UpdateOrganizationMember",
      tags: ["Organizations"],
      summary: "Changes a member's role, by name or by the id of a built-in role",
      permission: "org_member:update",
      params: member,
      body: z
        .object({ role: z.nullish(role), fgaRoleId: z.nullish(z.string()) })
        .check(z.refine((body) => body.role ?? body.fgaRoleId, "role or fgaRoleId is required")),
    },
    (ctx, { params, body }) => changeMemberRole(ctx, params.userLogin, roleOf(ctx, body)),
  ),
  defineRoute(
    {
      method: "DELETE",
      path: "/api/orgs/{orgName}/members/{userLogin}",
      operationId: "DeleteOrganizationMember",
      tags: ["Organizations"],
      summary: "Removes a member; the organization's tokens live on",
      permission: "org_member:delete",
      params: member,
    },
    (ctx, { params }) => removeMember(ctx, params.userLogin),
  ),
];
