import * as z from "zod/mini";
import { type OrgPermission, orgPermissions } from "../access/permissions.ts";
import { cursor, text } from "../http/bounded.ts";
import { projectName, stackName } from "../http/names.ts";
import { maxResults } from "../http/pagination.ts";

const SUBJECT = "A subject is user:LOGIN, token:ID or team:NAME.";

/** Absent: the caller. */
const subject = z.pipe(
  text(250, SUBJECT).check(z.regex(/^(user|token|team):./, SUBJECT)),
  z.transform((written) => {
    const [kind = ""] = written.split(":");
    return { kind: kind as "user" | "token" | "team", name: written.slice(kind.length + 1) };
  }),
);
export type Subject = z.output<typeof subject>;

export const ExplainAccessQuery = z
  .object({
    subject: z.optional(subject),
    permission: z.enum(orgPermissions, "The permission must be the name of a right, such as stack:write or org_token:create."),
    project: z.optional(projectName),
    stack: z.optional(stackName),
  })
  .check(z.refine(({ project, stack }) => (project === undefined) === (stack === undefined), "project and stack belong together"));

type StackRight = Extract<OrgPermission, `stack${string}`>;
const stackRights = orgPermissions.filter((permission): permission is StackRight => permission.startsWith("stack"));

/** Without a permission, the list has those who may read the stack. */
export const ListStackAccessQuery = z.object({
  permission: z._default(z.enum(stackRights, "The permission must be the name of a right on stacks, such as stack:write."), "stack:read"),
  maxResults,
  continuationToken: cursor,
});
