import * as z from "zod/mini";
import { roles } from "./table.ts";

/** Invitations that one call makes at most. */
const MOST = 100;

/** Both spellings of the billing role are in use (management-api §16). */
export const role = z.pipe(
  z.transform((value) => (value === "billingManager" ? "billing-manager" : value)),
  z.enum(roles, "Invalid organization role."),
);

/** `roleId` wins over `role`; the address counts only where one is invited by address (management-api §6). */
export const CreateInviteRequest = z
  .object({ email: z.nullish(z.string()), role: z.nullish(role), roleId: z.nullish(z.string()) })
  .check(z.refine((body) => body.role ?? body.roleId, "Invalid organization role."));

export const EmailInviteRequest = z
  .object({
    email: z
      .string("Invalid email address.")
      .check(z.trim(), z.maxLength(254, "Invalid email address."), z.regex(/^[^\s@]+@[^\s@]+$/, "Invalid email address.")),
    role: z.nullish(role),
    roleId: z.nullish(z.string()),
  })
  .check(z.refine((body) => body.role ?? body.roleId, "Invalid organization role."));

export const BatchCreateInviteRequest = z.object({
  invites: z.array(EmailInviteRequest).check(z.maxLength(MOST, `at most ${MOST} invitations at once`)),
});

export const CreatedInvite = z.object({ id: z.string(), acceptInviteUrl: z.string() });

export const BatchCreateInviteResponse = z.object({
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

/** What somebody learns who knows the id of an invitation: the organization, and the role that waits there. */
export const InviteSummary = z.object({ githubLogin: z.string(), name: z.string(), avatarUrl: z.string(), role: z.string() });
