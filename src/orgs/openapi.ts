import * as z from "zod/mini";
import type { Operations } from "../http/openapi.ts";
import { RevocationReport } from "../lineage/openapi.ts";
import { notHere } from "./notHere.ts";
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
  maxDrainHours: z.int(),
  auditRetentionDays: z.optional(z.int()),
  disableUnusedTokensAfterDays: z.optional(z.int()),
  allowedCidrs: z.array(z.string()),
  allowedCountries: z.array(z.string()),
});
export type OrganizationMetadata = z.infer<typeof OrganizationMetadata>;

const OrganizationMember = z.object({
  role: z.string(),
  user: z.object({ githubLogin: z.string(), name: z.string(), avatarUrl: z.string(), email: z.optional(z.string()) }),
  created: z.string(),
  knownToPulumi: z.boolean(),
  virtualAdmin: z.boolean(),
  fgaRole: z.object({ id: z.string(), name: z.string(), modifiedAt: z.string() }),
  /** Ours: whether the person agreed to the membership. */
  accepted: z.boolean(),
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
      /** Of an invitation to a role that was named by its id. */
      roleId: z.optional(z.string()),
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

/** With and without a verified address it is the same here. */
const invitesByAddress = {
  tags: ["Organizations"],
  summary: "Invites people by address; no mail is sent, the links are in the answer",
  answers: { 200: BatchCreateInviteResponse },
};

export const orgOperations = {
  GetOrganizationMetadata: {
    tags: ["Organizations"],
    summary: "What the organization is and what it has decided",
    answers: { 200: OrganizationMetadata },
  },
  UpdateOrganizationSettings: {
    tags: ["Organizations"],
    summary: "Changes settings; audited with old and new values",
    answers: { 200: OrganizationMetadata },
  },
  ListOrganizationMembers: {
    tags: ["Organizations"],
    summary: "Who is in the organization, and as what",
    answers: { 200: z.object({ members: z.array(OrganizationMember), continuationToken: z.optional(z.string()) }) },
  },
  AddOrganizationMember: {
    tags: ["Organizations"],
    summary: "Adds a known user, who may accept or leave; where DIRECT_MEMBERS is invite, makes an invitation for the user",
    answers: { 200: OrganizationMember },
  },
  AcceptMembership: { tags: ["Users"], summary: "The caller agrees to a membership", answers: { 204: null } },
  LeaveOrganization: { tags: ["Users"], summary: "The caller leaves an organization, whatever its conditions are", answers: { 204: null } },
  UpdateOrganizationMember: {
    tags: ["Organizations"],
    summary: "Changes a member's role, by name or by id",
    answers: { 204: null },
  },
  DeleteOrganizationMember: {
    tags: ["Organizations"],
    summary: "Removes a member; the organization tokens that the member made live on, unless tokens=revoke ends them",
    answers: { 200: RevocationReport, 204: null },
  },
  ListOrgInvites: { tags: ["Organizations"], summary: "Invitations that wait, with their links", answers: { 200: ListInvitesResponse } },
  CreateOrgInviteLink: { tags: ["Organizations"], summary: "Invites whoever has the link", answers: { 200: CreatedInvite } },
  BatchCreateOrgInviteEmail: invitesByAddress,
  BatchCreateOrgUnverifiedInviteEmail: invitesByAddress,
  GetOrgInvite: {
    tags: ["Organizations"],
    summary: "Organization and role of an invitation that waits, for whoever knows its id",
    answers: { 200: InviteSummary },
  },
  AcceptOrgInvite: { tags: ["Organizations"], summary: "The caller joins; once", answers: { 204: null } },
  CancelOrgInvite: { tags: ["Organizations"], summary: "Withdraws an invitation that waits", answers: { 204: null } },
  ResendOrgInvite: { tags: ["Organizations"], summary: "Counts an invitation as sent now; no mail is sent", answers: { 204: null } },
  ListUserOrgInvites: { tags: ["Users"], summary: "Invitations for the caller's address", answers: { 200: ListInvitesResponse } },
} satisfies Operations;
