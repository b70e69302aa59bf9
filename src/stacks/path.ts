import { and, eq, isNull, sql } from "drizzle-orm";
import * as z from "zod/mini";
import { id, text } from "../http/bounded.ts";
import { orgName, projectName, stackName } from "../http/names.ts";
import { notFound } from "../errors.ts";
import { stacks } from "./table.ts";

/** Where a stack is on the API. */
export const STACK = "/api/stacks/{orgName}/{projectName}/{stackName}" as const;

export const projectParams = z.object({ orgName, projectName });

/** `organization/project/stack`, checked at the edge. */
export const stackParams = z.object({ orgName, projectName, stackName });
/** An update of it. The id may be any text: an unknown one is a 404. */
export const updateParams = z.extend(stackParams, { updateID: id });
/** A version of it: the number of an update. */
export const versionParams = z.extend(stackParams, {
  version: z.pipe(text(9, "a version is a number").check(z.regex(/^\d{1,9}$/, "a version is a number")), z.transform(Number)),
});
export type StackPath = z.infer<typeof stackParams>;

/** The living stack of that path. Names count as written; the first two terms are the index. */
export const stackAt = (orgId: string, path: StackPath) =>
  and(
    eq(stacks.orgId, orgId),
    sql`lower(${stacks.project}) = lower(${path.projectName})`,
    sql`lower(${stacks.name}) = lower(${path.stackName})`,
    eq(stacks.project, path.projectName),
    eq(stacks.name, path.stackName),
    isNull(stacks.deletedAt),
  );

/** The same as a condition for hand-written SQL, where it is true if that stack exists. */
export const stackExists = (orgId: string, path: StackPath) => sql`EXISTS (SELECT 1 FROM ${stacks} WHERE ${stackAt(orgId, path)})`;

export const pathText = (path: StackPath) => `${path.orgName}/${path.projectName}/${path.stackName}`;

/** How an audit record names a stack. */
export const auditName = (path: StackPath) => `${path.projectName}/${path.stackName}`;

export const stackNotFound = (path: StackPath) => notFound(`Stack '${pathText(path)}'`);

/** One Durable Object owns a stack's running update; it is found by name alone, so that no look-up comes before it. */
export const coordinatorName = (orgId: string, path: Pick<StackPath, "projectName" | "stackName">) =>
  `${orgId}/${path.projectName}/${path.stackName}`.toLowerCase();
