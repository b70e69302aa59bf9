import { requireInScope } from "../auth/scope.ts";
import * as z from "zod/mini";
import { guarded } from "../auth/guard.ts";
import { badRequest } from "../errors.ts";
import { id, text } from "../http/bounded.ts";
import { orgName, projectName, stackName, teamName } from "../http/names.ts";
import { defineRoute } from "../http/route.ts";
import { createTeam } from "./create.ts";
import { deleteTeam } from "./delete.ts";
import { findTeam } from "./find.ts";
import { getTeam, listTeams, teamsOfMember } from "./get.ts";
import { setTeamGrant } from "./grant.ts";
import { assignTeamRole, enableTeamRoles, listTeamRoles, removeTeamRole } from "./roles.ts";
import { CreateTeamRequest, UpdateTeamRequest, UpdateTeamStackPermissionsRequest } from "./schema.ts";
import { updateTeam } from "./update.ts";

const T = "/api/orgs/{orgName}/teams/{teamName}" as const;
const org = z.object({ orgName });
const team = z.object({ orgName, teamName });
const teamRole = z.object({ orgName, teamName, roleID: id });

export const teamRoutes = [
  defineRoute({ method: "GET", path: "/api/orgs/{orgName}/teams", operationId: "ListTeams", permission: "team:list", params: org }, (ctx) =>
    listTeams(ctx),
  ),
  defineRoute(
    {
      method: "POST",
      path: "/api/orgs/{orgName}/teams/pulumi",
      operationId: "CreatePulumiTeam",
      permission: "team:create",
      params: org,
      body: CreateTeamRequest,
    },
    async (ctx, { body }) => Response.json(await createTeam(ctx, body), { status: 201 }),
  ),
  defineRoute(
    {
      method: "POST",
      path: "/api/orgs/{orgName}/teams/github",
      operationId: "CreateGitHubTeam",
      permission: "team:create",
      params: org,
      body: z.object({ githubTeamID: z.nullish(z.int()) }),
    },
    async (ctx) => {
      await guarded(ctx, []);
      throw badRequest("teams of GitHub cannot be connected here: create a team with POST /api/orgs/{orgName}/teams/pulumi");
    },
  ),
  defineRoute({ method: "GET", path: T, operationId: "GetTeam", permission: "team:read", params: team }, (ctx, { params }) =>
    getTeam(ctx, params.teamName),
  ),
  defineRoute(
    {
      method: "PATCH",
      path: T,
      operationId: "UpdateTeam",
      dryRun: true,
      // Administrators of the team may make most changes, so the work checks the right when the team and the change are known.
      permission: "team:list",
      params: team,
      body: UpdateTeamRequest,
    },
    (ctx, { params, body }) => updateTeam(ctx, params.teamName, body),
  ),
  defineRoute(
    { method: "DELETE", path: T, operationId: "DeleteTeam", dryRun: true, stops: true, permission: "team:delete", params: team },
    (ctx, { params }) => deleteTeam(ctx, params.teamName),
  ),
  defineRoute(
    { method: "GET", path: `${T}/roles`, operationId: "ListTeamRoles", permission: "team:read", params: team },
    (ctx, { params }) => listTeamRoles(ctx, params.teamName),
  ),
  defineRoute(
    {
      method: "POST",
      path: `${T}/roles/{roleID}`,
      operationId: "UpdateTeamRoles",
      dryRun: true,
      permission: "team:update",
      params: teamRole,
    },
    (ctx, { params }) => assignTeamRole(ctx, params.teamName, params.roleID, ctx.userAgent.startsWith("pulumi-cli/")),
  ),
  defineRoute(
    {
      method: "DELETE",
      path: `${T}/roles/{roleID}`,
      operationId: "DeleteTeamRole",
      dryRun: true,
      permission: "team:update",
      params: teamRole,
    },
    (ctx, { params }) => removeTeamRole(ctx, params.teamName, params.roleID),
  ),
  defineRoute(
    { method: "POST", path: `${T}/enable-team-roles`, operationId: "EnableTeamRoles", permission: "team:update", params: team },
    (ctx, { params }) => enableTeamRoles(ctx, params.teamName),
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/members/{user}/teams",
      operationId: "GetOrganizationMemberTeams",
      permission: "team:list",
      params: z.object({ orgName, user: text(200) }),
    },
    (ctx, { params }) => teamsOfMember(ctx, params.user),
  ),
  defineRoute(
    {
      method: "PATCH",
      path: "/api/console/stacks/{orgName}/{projectName}/{stackName}/teams/{teamName}",
      operationId: "UpdateTeamStackPermissions",
      dryRun: true,
      // As for UpdateTeam, the work checks the right to change the team or the access to the stack.
      permission: "stack_access:read",
      params: z.object({ orgName, projectName, stackName, teamName }),
      body: UpdateTeamStackPermissionsRequest,
    },
    async (ctx, { params, body }) => {
      await requireInScope(ctx, "stack_access:update", params);
      return setTeamGrant(ctx, await findTeam(ctx, params.teamName), params, body.permissions || null);
    },
  ),
];
