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
  /** Unix seconds; absent if the edition has all features. */
  subscriptionTrialEnd: z.optional(z.int()),
  auditLogsEnabled: z.boolean(),
  features: z.record(z.string(), z.boolean()),
  /** The following are ours. */
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
  /** Ours: whether the person accepted the membership. */
  accepted: z.boolean(),
});

const CreatedInvite = z.object({ id: z.string(), acceptInviteUrl: z.string() });

const BatchCreateInviteResponse = z.object({
  sentInvites: z.array(CreatedInvite),
  failedInvites: z.array(z.object({ email: z.string(), role: z.string(), roleId: z.optional(z.string()) })),
});

const mailStates = ["waiting", "sent", "failed"] as const;
export type MailState = (typeof mailStates)[number];

export const ListInvitesResponse = z.object({
  invites: z.array(
    z.object({
      id: z.string(),
      email: z.string(),
      role: z.string(),
      /** Only if the request named the role by its id. */
      roleId: z.optional(z.string()),
      sentBy: z.object({ githubLogin: z.string(), name: z.string(), avatarUrl: z.string() }),
      /** Unix seconds. */
      sentAt: z.int(),
      acceptInviteUrl: z.string(),
      status: z.literal("pending"),
      /** Ours: what became of the mail with the link; absent if none was to be sent. */
      mail: z.optional(z.enum(mailStates)),
    }),
  ),
});
export type ListInvitesResponse = z.infer<typeof ListInvitesResponse>;

/** The public part of an invitation, for anyone with its id: the organization and the role. */
const InviteSummary = z.object({ githubLogin: z.string(), name: z.string(), avatarUrl: z.string(), role: z.string() });

/** The documentation of both operations that invite by address. */
const invitesByAddress = {
  tags: ["Organizations"],
  summary: "Invites people by address, by mail if the deployment sends mail; the answer contains the links",
  answers: { 200: BatchCreateInviteResponse },
};

export const orgOperations = {
  GetOrganizationMetadata: {
    tags: ["Organizations"],
    summary: "Returns the organization and its settings",
    answers: { 200: OrganizationMetadata },
  },
  UpdateOrganizationSettings: {
    tags: ["Organizations"],
    summary: "Changes settings; the audit log records old and new values",
    answers: { 200: OrganizationMetadata },
  },
  ListOrganizationMembers: {
    tags: ["Organizations"],
    summary: "Lists the organization's members and their roles",
    answers: { 200: z.object({ members: z.array(OrganizationMember), continuationToken: z.optional(z.string()) }) },
  },
  AddOrganizationMember: {
    tags: ["Organizations"],
    summary: "Adds an existing user, who may accept or leave; if DIRECT_MEMBERS is invite, creates an invitation for the user",
    answers: { 200: OrganizationMember },
  },
  AcceptMembership: { tags: ["Users"], summary: "Accepts the caller's membership", answers: { 204: null } },
  LeaveOrganization: { tags: ["Users"], summary: "Ends the caller's membership", answers: { 204: null } },
  UpdateOrganizationMember: {
    tags: ["Organizations"],
    summary: "Changes a member's role, by name or by id",
    answers: { 204: null },
  },
  DeleteOrganizationMember: {
    tags: ["Organizations"],
    summary: "Removes a member; organization tokens that the member created stay valid unless tokens=revoke is set",
    answers: { 200: RevocationReport, 204: null },
  },
  ListOrgInvites: { tags: ["Organizations"], summary: "Lists pending invitations with their links", answers: { 200: ListInvitesResponse } },
  CreateOrgInviteLink: {
    tags: ["Organizations"],
    summary: "Creates an invitation for anyone with the link",
    answers: { 200: CreatedInvite },
  },
  BatchCreateOrgInviteEmail: invitesByAddress,
  BatchCreateOrgUnverifiedInviteEmail: invitesByAddress,
  GetOrgInvite: {
    tags: ["Organizations"],
    summary: "Returns the organization and role of a pending invitation, to anyone with its id",
    answers: { 200: InviteSummary },
  },
  AcceptOrgInvite: { tags: ["Organizations"], summary: "Accepts an invitation for the caller", answers: { 204: null } },
  CancelOrgInvite: { tags: ["Organizations"], summary: "Cancels a pending invitation", answers: { 204: null } },
  ResendOrgInvite: {
    tags: ["Organizations"],
    summary: "Extends an invitation as if it were sent now, and mails it if the deployment sends mail",
    answers: { 204: null },
  },
  ListUserOrgInvites: { tags: ["Users"], summary: "Lists invitations for the caller's address", answers: { 200: ListInvitesResponse } },
} satisfies Operations;
