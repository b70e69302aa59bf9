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
  ListTeams: { tags, summary: "The organization's teams, by name", answers: { 200: z.object({ teams: z.array(Team) }) } },
  CreatePulumiTeam: { tags, summary: "Makes a team; a person who makes it becomes its administrator", answers: { 201: Team } },
  CreateGitHubTeam: { tags, summary: "Refused: teams of GitHub cannot be connected", answers: { 201: Team } },
  GetTeam: { tags, summary: "One team with its members, and those of its stacks that the caller may see", answers: { 200: Team } },
  UpdateTeam: {
    tags,
    summary: "One change of a team: its display name and description, a member, or a right on a stack",
    answers: { 204: null },
  },
  DeleteTeam: { tags, summary: "Ends a team with its rights on stacks, and its tokens at once", answers: { 204: null } },
  ListTeamRoles: { tags, summary: "The roles of a team", answers: { 200: z.object({ roles: z.array(Role) }) } },
  UpdateTeamRoles: {
    tags,
    summary: "Gives a team a custom role; the CLI's assignment replaces the roles that the team has",
    answers: { 204: null },
  },
  DeleteTeamRole: { tags, summary: "Takes a role from a team", answers: { 204: null } },
  EnableTeamRoles: { tags, summary: "Gives a team a role of its own, which grants nothing yet", answers: { 200: Role } },
  GetOrganizationMemberTeams: {
    tags: ["Organizations"],
    summary: "What the teams of a member are called",
    answers: { 200: z.object({ teams: z.array(z.string()) }) },
  },
  UpdateTeamStackPermissions: { tags: ["Stacks"], summary: "Sets or takes away a team's right on the stack", answers: { 204: null } },

  ListTeamTokens: { tags: ofToken, summary: "The team's tokens, newest first", answers: { 200: ListAccessTokensResponse } },
  CreateTeamToken: {
    tags: ofToken,
    summary: "A machine credential with the rights of the team; its value is shown once",
    answers: { 200: CreateAccessTokenResponse },
  },
  DeleteTeamToken: {
    tags: ofToken,
    summary: "Ends a token at once and for good; with withDescendants everything that it made too",
    answers: { 200: RevocationReport, 204: null },
  },
  GetTeamToken: { tags: ofToken, summary: "One token of a team, a deleted one too", answers: { 200: AccessToken } },
  UpdateTeamToken: { tags: ofToken, summary: "Changes display name, description, expiry and limits", answers: { 200: AccessToken } },
  DisableTeamToken: { tags: ofToken, summary: "Switches a team's token off at once", answers: { 200: AccessToken } },
  EnableTeamToken: { tags: ofToken, summary: "Switches a team's token on again", answers: { 200: AccessToken } },
  RotateTeamToken: {
    tags: ofToken,
    summary: "A successor with the same rights, shown once; both work for the overlap",
    answers: { 200: RotateAccessTokenResponse },
  },
  GetTeamTokenImpact: { tags: ofToken, summary: "What would notice if the team's token ended now", answers: { 200: TokenImpact } },
  GetTeamTokenUsage: { tags: ofToken, summary: "Requests by day, and the latest places and clients", answers: { 200: TokenUsage } },
  GetTeamTokenRevocation: {
    tags: ofToken,
    summary: "What the deletion of a team's token can be relied on for",
    answers: { 200: RevocationReceipt },
  },
} satisfies Operations;
