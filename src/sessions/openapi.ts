import * as z from "zod/mini";
import type { Operations } from "../http/openapi.ts";
import { RevocationReport } from "../lineage/openapi.ts";

const ListSessionsResponse = z.object({
  sessions: z.array(
    z.object({
      id: z.string(),
      created: z.string(),
      /** Unix seconds: the session's end if it is not used before. */
      expires: z.int(),
      /** Whether the request used this session. */
      current: z.boolean(),
      /** Id of the personal token that opened it. */
      madeWith: z.optional(z.string()),
      lastUsed: z.int(),
      lastUsedIP: z.optional(z.string()),
      lastUsedCountry: z.optional(z.string()),
      lastUsedBy: z.optional(z.string()),
    }),
  ),
  continuationToken: z.optional(z.string()),
});
export type ListSessionsResponse = z.infer<typeof ListSessionsResponse>;

export const sessionOperations = {
  ListUserSessions: {
    tags: ["Users"],
    summary: "Lists the caller's open console sessions, newest first",
    answers: { 200: ListSessionsResponse },
  },
  DeleteUserSession: {
    tags: ["Users"],
    summary: "Ends one of the caller's sessions; with withDescendants also everything created in it",
    answers: { 200: RevocationReport, 204: null },
  },
} satisfies Operations;
