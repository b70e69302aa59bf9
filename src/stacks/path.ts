import { and, eq, isNull, sql } from "drizzle-orm";
import * as z from "zod/mini";
import type { StackRef } from "../auth/policy.ts";
import { id, text } from "../http/bounded.ts";
import { orgName, projectName, stackName } from "../http/names.ts";
import { notFound } from "../errors.ts";
import { stacks } from "./table.ts";

/** Where a stack is on the API. */
export const STACK_PATH = "/api/stacks/{orgName}/{projectName}/{stackName}" as const;

export const projectParams = z.object({ orgName, projectName });

/** `organization/project/stack`, checked at the edge. */
export const stackParams = z.object({ orgName, projectName, stackName });
/** An update of it. The id may be any text: an unknown one is a 404. */
export const updateParams = z.extend(stackParams, { updateID: id });
/** A version of it: the number of an update. */
export const versionParams = z.extend(stackParams, {
  version: z.pipe(
    text(9, "a version is a number of 1 to 9 digits").check(z.regex(/^\d{1,9}$/, "a version is a number of 1 to 9 digits")),
    z.transform(Number),
  ),
});
export type StackPath = z.infer<typeof stackParams>;

/** The stack of that path that is not deleted, whatever the case of the names; along the index. */
export const stackAtAnyCase = (orgId: string, { projectName, stackName }: StackRef) =>
  and(
    eq(stacks.orgId, orgId),
    sql`lower(${stacks.project}) = lower(${projectName})`,
    sql`lower(${stacks.name}) = lower(${stackName})`,
    isNull(stacks.deletedAt),
  );

/** The same, with the names as they are written: what a path in another case means is found before (`writtenNames`). */
export const stackAt = (orgId: string, path: StackPath) =>
  and(stackAtAnyCase(orgId, path), eq(stacks.project, path.projectName), eq(stacks.name, path.stackName));

/** The same as a condition for hand-written SQL, where it is true if that stack exists. */
export const stackExists = (orgId: string, path: StackPath) => sql`EXISTS (SELECT 1 FROM ${stacks} WHERE ${stackAt(orgId, path)})`;

export const pathText = (path: StackPath) => `${path.orgName}/${path.projectName}/${path.stackName}`;

/** How an audit record names a stack. */
export const auditName = (path: StackPath) => `${path.projectName}/${path.stackName}`;

export const stackNotFound = (path: StackPath) => notFound(`Stack '${pathText(path)}'`);

/** One Durable Object owns a stack's running update; it is found by name alone, so that no look-up comes before it. */
export const coordinatorName = (orgId: string, path: Pick<StackPath, "projectName" | "stackName">) =>
  `${orgId}/${path.projectName}/${path.stackName}`.toLowerCase();
