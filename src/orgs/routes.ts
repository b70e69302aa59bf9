import * as z from "zod/mini";
import { cursor, id, text } from "../http/bounded.ts";
import { orgName } from "../http/names.ts";
import { defineRoute } from "../http/route.ts";
import { givenRole } from "../roles/given.ts";
import { role } from "./inviteSchema.ts";
import { addMember } from "./addMember.ts";
import { changeMemberRole, listMembers } from "./members.ts";
import { getOrganizationMetadata } from "./metadata.ts";
import { fates, removeMember } from "./removeMember.ts";
import { UpdateOrganizationRequest, updateOrganizationSettings } from "./settings.ts";

const org = z.object({ orgName });
const member = z.object({ orgName, userLogin: text(200) });

export const orgRoutes = [
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/metadata",
      operationId: "GetOrganizationMetadata",
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
      dryRun: true,
      permission: "organization:update",
      params: org,
      body: UpdateOrganizationRequest,
    },
    (ctx, { body }) => updateOrganizationSettings(ctx, body),
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/members",
      operationId: "ListOrganizationMembers",
      permission: "org_member:read",
      params: org,
      query: z.object({
        type: z.optional(z.enum(["frontend", "backend"], "invalid query parameter")),
        continuationToken: cursor,
      }),
    },
    (ctx, { query }) => listMembers(ctx, query.continuationToken),
  ),
  defineRoute(
    {
      method: "POST",
      path: "/api/orgs/{orgName}/members/{userLogin}",
      operationId: "AddOrganizationMember",
      permission: "org_member:add",
      params: member,
      body: z.object({ role }),
    },
    async (ctx, { params, body }) => addMember(ctx, params.userLogin, await givenRole(ctx, { role: body.role }, "default")),
  ),
  defineRoute(
    {
      method: "PATCH",
      path: "/api/orgs/{orgName}/members/{userLogin}",
      operationId: "UpdateOrganizationMember",
      dryRun: true,
      permission: "org_member:update",
      params: member,
      body: z
        .object({ role: z.nullish(role), fgaRoleId: z.nullish(id) })
        .check(z.refine((body) => body.role ?? body.fgaRoleId, "role or fgaRoleId is required")),
    },
    async (ctx, { params, body }) => changeMemberRole(ctx, params.userLogin, await givenRole(ctx, body, "built-in")),
  ),
  defineRoute(
    {
      method: "DELETE",
      path: "/api/orgs/{orgName}/members/{userLogin}",
      operationId: "DeleteOrganizationMember",
      dryRun: "report",
      stops: true,
      // Every member may leave: the right to remove others is checked later, when the member is known.
      permission: "organization:read",
      params: member,
      query: z.object({ tokens: z.optional(z.enum(fates, "invalid query parameter")) }),
    },
    (ctx, { params, query }) => removeMember(ctx, params.userLogin, query.tokens),
  ),
];
