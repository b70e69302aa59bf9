import * as z from "zod/mini";
import type { Operations } from "../http/openapi.ts";

const OrganizationSummary = z.object({ githubLogin: z.string(), name: z.string(), avatarUrl: z.string(), role: z.optional(z.string()) });

const CurrentUser = z.object({
  id: z.string(),
  githubLogin: z.string(),
  name: z.string(),
  email: z.string(),
  avatarUrl: z.string(),
  hasMFA: z.boolean(),
  isOrgManaged: z.boolean(),
  isManagedByMultiOrg: z.boolean(),
  identities: z.array(z.string()),
  organizations: z.array(OrganizationSummary),
  /** Organizations to which the caller was added without having accepted yet. */
  potentialOrganizations: z.optional(z.array(OrganizationSummary)),
  tokenInfo: z.optional(z.object({ name: z.string(), organization: z.string(), team: z.string() })),
});

export const userOperations = {
  GetCurrentUser: {
    tags: ["Users"],
    summary: "Returns the caller's account; for a machine token also the token",
    answers: { 200: CurrentUser },
  },
  GetDefaultOrganization: {
    tags: ["Users"],
    summary: "Returns the caller's default organization",
    answers: { 200: z.object({ GitHubLogin: z.string(), Messages: z.array(z.object({ message: z.string() })) }) },
  },
  UpdateDefaultOrganization: { tags: ["Users"], summary: "Sets the caller's default organization", answers: { 204: null } },
} satisfies Operations;
