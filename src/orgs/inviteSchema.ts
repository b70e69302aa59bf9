import * as z from "zod/mini";
import { id, list, text } from "../http/bounded.ts";
import { roles } from "./table.ts";

/** Maximum number of invitations of one call. */
const MOST_INVITES = 100;

/** Clients use both spellings of the billing role (management-api §16). */
export const role = z.pipe(
  z.transform((value) => (value === "billingManager" ? "billing-manager" : value)),
  z.enum(roles, "Invalid organization role."),
);

/** `roleId` takes precedence over `role`; the address is used only for an invitation by address (management-api §6). */
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
