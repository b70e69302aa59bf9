import * as z from "zod/mini";
import { orgPermissions } from "../access/permissions.ts";
import type { Operations } from "../http/openapi.ts";
import { stackRule } from "../tokens/schema.ts";

const Permission = z.enum(orgPermissions);

/** Times are Unix seconds. */
export const Rightsize = z.object({
  days: z.int(),
  /** The log was read from this time on. It is later than `days` ago if the token has more events than one call reads. */
  from: z.int(),
  truncated: z.boolean(),
  events: z.int(),
  /** The rights that the token has now. Rights on some stacks count. */
  has: z.object({
    role: z.optional(z.object({ id: z.string(), name: z.string() })),
    permissions: z.array(Permission),
    stacks: z.optional(z.array(stackRule)),
  }),
  used: z.array(z.object({ permission: Permission, events: z.int(), lastUsed: z.int() })),
  /** Rights of the token that it did not use. */
  unused: z.array(Permission),
  /** Rights of the token whose use leaves no event: nobody knows from the log whether it used them. They are not in the proposal. */
  unseen: z.array(Permission),
  stacks: z.object({ count: z.int(), first: z.array(stackRule) }),
  proposal: z.object({
    permissions: z.array(Permission),
    /** The definition of a custom role with exactly these rights; null if only the role Admin has them. */
    details: z.nullable(z.object({ __type: z.literal("PermissionDescriptorAllow"), permissions: z.array(Permission) })),
    /** The built-in role with the fewest rights that has them all, and its rights beyond them. */
    builtIn: z.nullable(z.object({ id: z.string(), name: z.string(), beyond: z.array(Permission) })),
    /** The limit to stacks; null if more than 100 rules would be needed, or for the role Admin. */
    stacks: z.nullable(z.array(stackRule)),
    /** The token gave rights to others. It must have the rights that it gives, and the proposal does not contain them. */
    givesRights: z.boolean(),
  }),
});
export type Rightsize = z.infer<typeof Rightsize>;

const summary = "Proposes the smallest role and limit to stacks that allow everything that a token did according to the audit log";

export const rightsizeOperations = {
  GetOrgTokenRightsize: { tags: ["Organizations", "AccessTokens"], summary, answers: { 200: Rightsize } },
  GetTeamTokenRightsize: { tags: ["Teams", "AccessTokens"], summary, answers: { 200: Rightsize } },
} satisfies Operations;
