import * as z from "zod/mini";
import type { Answers } from "../http/answers.ts";
import { uxPurposes } from "./listRoles.ts";
import { notHere } from "./metadata.ts";
import { inFlightRevocations } from "./table.ts";

const literals = Object.fromEntries(Object.entries(notHere).map(([name, value]) => [name, z.literal(value)]));

export const OrganizationMetadata = z.object({
  ...(literals as { [K in keyof typeof notHere]: z.ZodMiniLiteral<(typeof notHere)[K]> }),
  id: z.string(),
  kind: z.literal("pulumi"),
  created: z.string(),
  userRole: z.string(),
  memberCount: z.int(),
  stackCount: z.int(),
  defaultStackPermission: z.int(),
  membersCanCreateStacks: z.boolean(),
  membersCanDeleteStacks: z.boolean(),
  membersCanTransferStacks: z.boolean(),
  maxAccessTokenExpiryDays: z.optional(z.int()),
  product: z.string(),
  subscriptionStatus: z.enum(["active", "trialing"]),
  /** Unix seconds; absent where the edition has everything anyway. */
  subscriptionTrialEnd: z.optional(z.int()),
  auditLogsEnabled: z.boolean(),
  features: z.record(z.string(), z.boolean()),
  /** Ours from here on. */
  inFlightRevocation: z.enum(inFlightRevocations),
  auditRetentionDays: z.optional(z.int()),
  disableUnusedTokensAfterDays: z.optional(z.int()),
  allowedCidrs: z.array(z.string()),
  allowedCountries: z.array(z.string()),
});
export type OrganizationMetadata = z.infer<typeof OrganizationMetadata>;

/** management-api §7.2. */
export const Role = z.object({
  id: z.string(),
  orgId: z.string(),
  name: z.string(),
  description: z.string(),
  resourceType: z.string(),
  uxPurpose: z.enum(uxPurposes),
  defaultIdentifier: z.string(),
  isOrgDefault: z.boolean(),
  created: z.string(),
  modified: z.string(),
  version: z.int(),
});
export type Role = z.infer<typeof Role>;

const OrganizationMember = z.object({
  role: z.string(),
  user: z.object({ githubLogin: z.string(), name: z.string(), avatarUrl: z.string(), email: z.optional(z.string()) }),
  created: z.string(),
  knownToPulumi: z.boolean(),
  virtualAdmin: z.boolean(),
  fgaRole: z.object({ id: z.string(), name: z.string(), modifiedAt: z.string() }),
});

const CreatedInvite = z.object({ id: z.string(), acceptInviteUrl: z.string() });

const BatchCreateInviteResponse = z.object({
  sentInvites: z.array(CreatedInvite),
  failedInvites: z.array(z.object({ email: z.string(), role: z.string(), roleId: z.optional(z.string()) })),
});

export const ListInvitesResponse = z.object({
  invites: z.array(
    z.object({
      id: z.string(),
      email: z.string(),
      role: z.string(),
      sentBy: z.object({ githubLogin: z.string(), name: z.string(), avatarUrl: z.string() }),
      /** Unix seconds. */
      sentAt: z.int(),
      acceptInviteUrl: z.string(),
      status: z.literal("pending"),
    }),
  ),
});
export type ListInvitesResponse = z.infer<typeof ListInvitesResponse>;

/** What somebody learns who knows the id of an invitation: the organization, and the role that waits there. */
const InviteSummary = z.object({ githubLogin: z.string(), name: z.string(), avatarUrl: z.string(), role: z.string() });

export const orgAnswers: Answers = {
  GetOrganization: {
    200: z.object({ githubLogin: z.string(), name: z.string(), avatarUrl: z.string(), repos: z.array(z.unknown()) }),
  },
  GetOrganizationMetadata: { 200: OrganizationMetadata },
  UpdateOrganizationSettings: { 200: OrganizationMetadata },
  ListRolesByOrgIDAndUXPurpose: { 200: z.object({ roles: z.array(Role) }) },
  GetRole: { 200: Role },
  ListOrganizationMembers: { 200: z.object({ members: z.array(OrganizationMember), continuationToken: z.optional(z.string()) }) },
  AddOrganizationMember: { 200: OrganizationMember },
  UpdateOrganizationMember: { 204: null },
  DeleteOrganizationMember: { 204: null },
  ListOrgInvites: { 200: ListInvitesResponse },
  CreateOrgInviteLink: { 200: CreatedInvite },
  BatchCreateOrgInviteEmail: { 200: BatchCreateInviteResponse },
  BatchCreateOrgUnverifiedInviteEmail: { 200: BatchCreateInviteResponse },
  GetOrgInvite: { 200: InviteSummary },
  AcceptOrgInvite: { 204: null },
  CancelOrgInvite: { 204: null },
  ResendOrgInvite: { 204: null },
  ListUserOrgInvites: { 200: ListInvitesResponse },
};
