import * as z from "zod/mini";

const kind = z.enum(["organization", "team", "personal", "session", "invitation", "member"]);

/** What a credential made, and what came of that: a tree, each item behind the one that it came of. */
export const CreatedWith = z.object({
  /** How many would end, those that are not among the items too. */
  total: z.int(),
  items: z.array(
    z.object({
      /** 1 for what the credential made itself. */
      depth: z.int(),
      kind,
      id: z.optional(z.string()),
      /** Name of a token, login of a member, role of an invitation. */
      name: z.optional(z.string()),
      organization: z.optional(z.string()),
      /** False for what has ended already, and led to something that has not. */
      ends: z.boolean(),
    }),
  ),
});

/** What a revocation ended besides the credential itself. Only what belongs to the caller or to an organization of the caller is named. */
export const RevocationReport = z.object({
  /** How many ended, those that are not named too. */
  total: z.int(),
  /** The newest first, at most 1,000. `name` is the name of a token, the login of a member, or the role of an invitation. */
  ended: z.array(z.object({ kind, id: z.optional(z.string()), name: z.optional(z.string()), organization: z.optional(z.string()) })),
  /**
   * Members whose membership descends from the credential and stays: the last administrator of an organization, and members of more than 30 days in
   * an organization that the caller does not administer.
   */
  kept: z.array(z.object({ member: z.string(), organization: z.string(), reason: z.enum(["last administrator", "established"]) })),
});
export type RevocationReport = z.infer<typeof RevocationReport>;
