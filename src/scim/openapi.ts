import * as z from "zod/mini";
import type { Operations } from "../http/openapi.ts";

export const ScimToken = z.object({
  id: z.string(),
  name: z.string(),
  created: z.string(),
  createdBy: z.string(),
  /** Unix seconds; 0: never. */
  lastUsed: z.int(),
  expires: z.int(),
  status: z.enum(["active", "expired", "disabled", "rotated", "deleted"]),
  lastUsedIP: z.optional(z.string()),
  lastUsedBy: z.optional(z.string()),
});
export type ScimToken = z.infer<typeof ScimToken>;

export const ScimService = z.object({
  /** The address that the identity provider needs. */
  url: z.string(),
  /** Whether an activation also gives the person's older tokens and sessions their access again. */
  restoresTokens: z.boolean(),
  /** Whether the deletion of a group deletes its team. */
  deletesTeams: z.boolean(),
  users: z.int(),
  groups: z.int(),
});
export type ScimService = z.infer<typeof ScimService>;

const tags = ["Organizations"];

export const scimOperations = {
  GetScim: { tags, summary: "Returns the address and the settings of the organization's SCIM service", answers: { 200: ScimService } },
  UpdateScim: { tags, summary: "Changes the settings of the organization's SCIM service", answers: { 200: ScimService } },
  ListScimTokens: {
    tags,
    summary: "Lists the SCIM tokens of the organization",
    answers: { 200: z.object({ tokens: z.array(ScimToken) }) },
  },
  CreateScimToken: {
    tags,
    summary: "Creates a token with which an identity provider manages people and groups",
    answers: { 200: z.object({ id: z.string(), tokenValue: z.string() }) },
  },
  DeleteScimToken: { tags, summary: "Deletes a SCIM token", answers: { 204: null } },
} satisfies Operations;
