import * as z from "zod/mini";

const kind = z.enum([
  "organization",
  "team",
  "personal",
  "session",
  "scim",
  "invitation",
  "issuer",
  "stream",
  "webhook",
  "connection",
  "member",
]);

/** Everything that descends from a credential, as a tree: each item follows its parent. */
export const CreatedWith = z.object({
  /** How many would end, including those that are not among the items. */
  total: z.int(),
  items: z.array(
    z.object({
      /** 1 for an item that the credential itself created. */
      depth: z.int(),
      kind,
      id: z.optional(z.string()),
      /** Name of a token, login of a member, role of an invitation. */
      name: z.optional(z.string()),
      organization: z.optional(z.string()),
      /** False for an item that has already ended and has a descendant that has not. */
      ends: z.boolean(),
    }),
  ),
});

/**
 * The things that a revocation ended besides the credential itself. Only items of the caller, or of an organization of the caller, are
 * named.
 */
export const RevocationReport = z.object({
  /** How many ended, including those that are not named. */
  total: z.int(),
  /** The newest first, at most 1,000. `name` is the name of a token, the login of a member, or the role of an invitation. */
  ended: z.array(z.object({ kind, id: z.optional(z.string()), name: z.optional(z.string()), organization: z.optional(z.string()) })),
  /**
   * Members whose membership descends from the credential and stays: the last administrator of an organization, the last emergency administrator of one
   * that requires single sign-on, and members of more than 30 days in an organization that the caller does not administer.
   */
  kept: z.array(
    z.object({
      member: z.string(),
      organization: z.string(),
      reason: z.enum(["last administrator", "last emergency administrator", "established"]),
    }),
  ),
});
export type RevocationReport = z.infer<typeof RevocationReport>;
