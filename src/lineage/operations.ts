import * as z from "zod/mini";

const kind = z.enum(["organization", "team", "personal", "session", "invitation", "member"]);

/** What a revocation ended besides the credential itself. Only what belongs to the caller or to an organization of the caller is named. */
export const RevocationReport = z.object({
  /** How many ended, those that are not named too. */
  total: z.int(),
  /** The newest first, at most 1,000. `name` is the name of a token, the login of a member, or the role of an invitation. */
  ended: z.array(z.object({ kind, id: z.optional(z.string()), name: z.optional(z.string()), organization: z.optional(z.string()) })),
  /** Administrators whose membership descends from the credential and stays, because their organization would have none. */
  kept: z.array(z.object({ member: z.string(), organization: z.string() })),
});
export type RevocationReport = z.infer<typeof RevocationReport>;
