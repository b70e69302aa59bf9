import * as z from "zod/mini";
import { id, list, text } from "../http/bounded.ts";
import { roles } from "./table.ts";

/** Invitations that one call makes at most. */
const MOST_INVITES = 100;

/** Both spellings of the billing role are in use (management-api §16). */
export const role = z.pipe(
  z.transform((value) => (value === "billingManager" ? "billing-manager" : value)),
  z.enum(roles, "Invalid organization role."),
);

/** `roleId` wins over `role`; the address counts only where one is invited by address (management-api §6). */
export const CreateInviteRequest = z
  .object({ email: z.nullish(text(1000)), role: z.nullish(role), roleId: z.nullish(id) })
  .check(z.refine((body) => body.role ?? body.roleId, "Invalid organization role."));

export const EmailInviteRequest = z
  .object({
    email: z
      .string("Invalid email address.")
      .check(z.trim(), z.maxLength(254, "Invalid email address."), z.regex(/^[^\s@]+@[^\s@]+$/, "Invalid email address.")),
    role: z.nullish(role),
    roleId: z.nullish(id),
  })
  .check(z.refine((body) => body.role ?? body.roleId, "Invalid organization role."));

export const BatchCreateInviteRequest = z.object({
  invites: list(EmailInviteRequest, MOST_INVITES, `at most ${MOST_INVITES} invitations at once`),
});
