import * as z from "zod/mini";
import type { Operations } from "../http/openapi.ts";
import { RevocationReport } from "../lineage/openapi.ts";
import { Role } from "../roles/openapi.ts";
import {
  AccessToken,
  CreateAccessTokenResponse,
  ListAccessTokensResponse,
  RevocationReceipt,
  RotateAccessTokenResponse,
  TokenImpact,
  TokenUsage,
} from "../tokens/openapi.ts";
import { callerRoles } from "./find.ts";
import { grantPermissions, teamKinds, teamMemberRoles } from "./table.ts";

/** management-api §8.2. */
const Team = z.object({
  kind: z.enum(teamKinds),
  name: z.string(),
  displayName: z.string(),
  description: z.string(),
  userRole: z.enum(callerRoles),
  members: z.optional(
    z.array(z.object({ githubLogin: z.string(), name: z.string(), avatarUrl: z.string(), role: z.enum(teamMemberRoles) })),
  ),
  stacks: z.optional(z.array(z.object({ projectName: z.string(), stackName: z.string(), permission: z.literal(grantPermissions) }))),
  roleIds: z.optional(z.array(z.string())),
});

const tags = ["Teams"];
const ofToken = ["Teams", "AccessTokens"];

export const teamOperations = {
  ListTeams: { tags, summary: "Lists the organization's teams by name", answers: { 200: z.object({ teams: z.array(Team) }) } },
  CreatePulumiTeam: { tags, summary: "Creates a team; a person who creates it becomes its administrator", answers: { 201: Team } },
  CreateGitHubTeam: { tags, summary: "Always refused: GitHub teams cannot be connected", answers: { 201: Team } },
  GetTeam: { tags, summary: "Returns a team with its members, and those of its stacks that the caller may see", answers: { 200: Team } },
  UpdateTeam: {
    tags,
    summary: "Changes a team's display name and description, one member, or one grant on a stack",
    answers: { 204: null },
  },
  DeleteTeam: { tags, summary: "Deletes a team with its grants and its tokens; audited", answers: { 204: null } },
  ListTeamRoles: { tags, summary: "Lists the roles of a team", answers: { 200: z.object({ roles: z.array(Role) }) } },
  UpdateTeamRoles: {
    tags,
    summary: "Assigns a custom role to a team; for the CLI it replaces the team's other roles",
    answers: { 204: null },
  },
  DeleteTeamRole: { tags, summary: "Removes a role from a team", answers: { 204: null } },
  EnableTeamRoles: { tags, summary: "Creates a role for a team, which grants nothing until it is changed", answers: { 200: Role } },
  GetOrganizationMemberTeams: {
    tags: ["Organizations"],
    summary: "Lists the names of a member's teams",
    answers: { 200: z.object({ teams: z.array(z.string()) }) },
  },
  UpdateTeamStackPermissions: { tags: ["Stacks"], summary: "Sets or removes a team's grant on the stack", answers: { 204: null } },

  ListTeamTokens: { tags: ofToken, summary: "Lists the team's tokens, newest first", answers: { 200: ListAccessTokensResponse } },
  CreateTeamToken: {
    tags: ofToken,
    summary: "Creates a token with the rights of the team; its value is shown once",
    answers: { 200: CreateAccessTokenResponse },
  },
  DeleteTeamToken: {
    tags: ofToken,
    summary: "Deletes a token immediately and permanently; with withDescendants also everything created with it",
    answers: { 200: RevocationReport, 204: null },
  },
  GetTeamToken: { tags: ofToken, summary: "Returns a token of a team, even if it was deleted", answers: { 200: AccessToken } },
  UpdateTeamToken: {
    tags: ofToken,
    summary: "Changes the display name, the description, the expiry and the limits of a team token",
    answers: { 200: AccessToken },
  },
  DisableTeamToken: { tags: ofToken, summary: "Disables a team token immediately", answers: { 200: AccessToken } },
  EnableTeamToken: { tags: ofToken, summary: "Enables a disabled team token", answers: { 200: AccessToken } },
  RotateTeamToken: {
    tags: ofToken,
    summary: "Creates a successor with the same rights; both tokens are valid during the overlap",
    answers: { 200: RotateAccessTokenResponse },
  },
  GetTeamTokenImpact: {
    tags: ofToken,
    summary: "Lists the stacks and running updates that use a team token",
    answers: { 200: TokenImpact },
  },
  GetTeamTokenUsage: {
    tags: ofToken,
    summary: "Returns requests by day, and the latest addresses and clients",
    answers: { 200: TokenUsage },
  },
  GetTeamTokenRevocation: {
    tags: ofToken,
    summary: "Returns the proof of a team token's deletion",
    answers: { 200: RevocationReceipt },
  },
} satisfies Operations;
