import * as z from "zod/mini";
import type { Operations } from "../http/openapi.ts";

const Reason = z.object({
  by: z.enum(["membership", "role", "default-permission", "custom-role", "team-role", "team-grant", "direct-grant", "creator-grant"]),
  /** The name of the role. */
  role: z.optional(z.string()),
  team: z.optional(z.string()),
  /** Of a grant or of the default permission: 101 read, 102 write, 103 admin, 104 creator. */
  permission: z.optional(z.int()),
  text: z.string(),
});
export type Reason = z.infer<typeof Reason>;

const AccessExplanation = z.object({
  /** `user:LOGIN`, `token:ID` or `team:NAME`. */
  subject: z.string(),
  permission: z.string(),
  /** `PROJECT/STACK`; absent for a question about the whole organization. */
  stack: z.optional(z.string()),
  allowed: z.boolean(),
  /** Each of them is enough alone. */
  reasons: z.array(Reason),
  refusal: z.optional(
    z.object({
      by: z.enum([
        "no-right",
        "administrators-only",
        "people-only",
        "setting",
        "token-stacks",
        "network",
        "expiry-policy",
        "edition",
        "expired",
        "disabled",
        "rotated",
        "deleted",
      ]),
      text: z.string(),
    }),
  ),
  /** Further conditions on a call: its network, the stacks of the token, and its expiry. */
  conditions: z.array(z.string()),
});
export type AccessExplanation = z.infer<typeof AccessExplanation>;

const StackAccess = z.object({
  access: z.array(
    z.object({
      subject: z.string(),
      name: z.string(),
      reasons: z.array(Reason),
      /** How many further reasons there are. */
      moreReasons: z.optional(z.int()),
    }),
  ),
  continuationToken: z.optional(z.string()),
});
export type StackAccess = z.infer<typeof StackAccess>;

export const explainOperations = {
  ExplainAccess: {
    tags: ["Organizations"],
    summary: "Whether somebody has a right, and by which role or grant; only administrators may ask about others",
    answers: { 200: AccessExplanation },
  },
  ListStackAccess: {
    tags: ["Stacks"],
    summary: "Teams, people and access tokens that have a right on the stack, each with the reasons",
    answers: { 200: StackAccess },
  },
} satisfies Operations;
