import * as z from "zod/mini";
import type { Operations } from "../http/openapi.ts";
import { teamKinds } from "../teams/table.ts";
import { uxPurposes } from "./table.ts";

/** management-api §7.2. */
export const Role = z.object({
  id: z.string(),
  orgId: z.string(),
  name: z.string(),
  description: z.string(),
  resourceType: z.string(),
  uxPurpose: z.enum(uxPurposes),
  /** The tree of permission descriptors as it was sent; absent for a built-in role. */
  details: z.optional(z.unknown()),
  /** "" for a custom record. */
  defaultIdentifier: z.string(),
  isOrgDefault: z.boolean(),
  created: z.string(),
  modified: z.string(),
  version: z.int(),
  /** An extension of ours in the answer about one custom record: its scopes that grant nothing here. */
  scopesWithoutEffect: z.optional(z.array(z.string())),
});
export type Role = z.infer<typeof Role>;

const RbacScopeGroup = z.object({
  name: z.string(),
  scopes: z.array(z.object({ name: z.string(), metadata: z.object({ description: z.string() }) })),
});

const Team = z.object({
  kind: z.enum(teamKinds),
  name: z.string(),
  displayName: z.string(),
  description: z.string(),
  userRole: z.literal("none"),
});

const tags = ["Organizations"];

export const roleOperations = {
  ListRolesByOrgIDAndUXPurpose: {
    tags,
    summary: "Lists the built-in and custom roles or permission sets of one purpose",
    answers: { 200: z.object({ roles: z.array(Role) }) },
  },
  CreateRole: { tags, summary: "Creates a custom role or permission set with rights that the caller has", answers: { 200: Role } },
  ListAvailableScopes: {
    tags,
    summary: "Lists the scopes that have an effect in a custom role",
    answers: { 200: z.record(z.string(), z.array(RbacScopeGroup)) },
  },
  GetRole: { tags, summary: "Returns a role or permission set", answers: { 200: Role } },
  UpdateRole: { tags, summary: "Changes a custom role or permission set, and the records that include it", answers: { 200: Role } },
  DeleteRole: { tags, summary: "Deletes a custom role or permission set; with force even if it is in use", answers: { 204: null } },
  UpdateOrganizationDefaultRole: {
    tags,
    summary: "Sets the role of the members without an assigned role",
    answers: { 204: null },
  },
  ListUsersWithRole: {
    tags,
    summary: "Lists the members to whom a role was assigned",
    answers: { 200: z.object({ users: z.array(z.object({ githubLogin: z.string(), name: z.string(), avatarUrl: z.string() })) }) },
  },
  ListTeamsWithRole: { tags, summary: "Lists the teams that have a role", answers: { 200: z.object({ teams: z.array(Team) }) } },
} satisfies Operations;
