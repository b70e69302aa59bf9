import * as z from "zod/mini";
import { orgName } from "../http/names.ts";
import { defineRoute } from "../http/route.ts";
import { role } from "./inviteSchema.ts";
import { Role, getRole, listRoles, uxPurpose } from "./listRoles.ts";
import { addMember, changeMemberRole, listMembers, removeMember } from "./members.ts";
import { OrganizationMetadata, getOrganizationMetadata } from "./metadata.ts";
import { roleOf } from "./roles.ts";
import { UpdateOrganizationRequest, updateOrganizationSettings } from "./settings.ts";

const OrganizationMember = z.object({
  role: z.string(),
  user: z.object({ githubLogin: z.string(), name: z.string(), avatarUrl: z.string(), email: z.optional(z.string()) }),
  created: z.string(),
  knownToPulumi: z.boolean(),
  virtualAdmin: z.boolean(),
  fgaRole: z.object({ id: z.string(), name: z.string(), modifiedAt: z.string() }),
});

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
      responses: {
        200: z.object({ githubLogin: z.string(), name: z.string(), avatarUrl: z.string(), repos: z.array(z.unknown()) }),
      },
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
      responses: { 200: OrganizationMetadata },
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
      responses: { 200: OrganizationMetadata },
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
      responses: { 200: z.object({ roles: z.array(Role) }) },
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
      responses: { 200: Role },
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
      responses: { 200: z.object({ members: z.array(OrganizationMember), continuationToken: z.optional(z.string()) }) },
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
      responses: { 200: OrganizationMember },
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
      responses: { 204: null },
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
      responses: { 204: null },
    },
    (ctx, { params }) => removeMember(ctx, params.userLogin),
  ),
];
