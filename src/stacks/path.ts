import { and, eq, isNull, sql } from "drizzle-orm";
import * as z from "zod/mini";
import type { StackRef } from "../auth/policy.ts";
import { id, text } from "../http/bounded.ts";
import { orgName, projectName, stackName } from "../http/names.ts";
import { notFound } from "../errors.ts";
import { stacks } from "./table.ts";

/** The API path of a stack. */
export const STACK_PATH = "/api/stacks/{orgName}/{projectName}/{stackName}" as const;

export const projectParams = z.object({ orgName, projectName });

/** `organization/project/stack`, checked at the edge. */
export const stackParams = z.object({ orgName, projectName, stackName });
/** The parameters of an update. Its id may be any text: an unknown one is a 404. */
export const updateParams = z.extend(stackParams, { updateID: id });
/** The parameters of a version, which is the number of an update. */
export const versionParams = z.extend(stackParams, {
  version: z.pipe(
    text(9, "a version is a number of 1 to 9 digits").check(z.regex(/^\d{1,9}$/, "a version is a number of 1 to 9 digits")),
    z.transform(Number),
  ),
});
export type StackPath = z.infer<typeof stackParams>;

/** Condition for the undeleted stack of a path; it ignores the case of the names and uses the index. */
export const stackAtAnyCase = (orgId: string, { projectName, stackName }: StackRef) =>
  and(
    eq(stacks.orgId, orgId),
    sql`lower(${stacks.project}) = lower(${projectName})`,
    sql`lower(${stacks.name}) = lower(${stackName})`,
    isNull(stacks.deletedAt),
  );

/** The same with the exact names. `writtenNames` finds the exact names of a path in another case. */
export const stackAt = (orgId: string, path: StackPath) =>
  and(stackAtAnyCase(orgId, path), eq(stacks.project, path.projectName), eq(stacks.name, path.stackName));

/** The same as a condition in other SQL: true if the stack exists. */
export const stackExists = (orgId: string, path: StackPath) => sql`EXISTS (SELECT 1 FROM ${stacks} WHERE ${stackAt(orgId, path)})`;

export const pathText = (path: StackPath) => `${path.orgName}/${path.projectName}/${path.stackName}`;

/** The name of a stack in an audit record. */
export const auditName = (path: StackPath) => `${path.projectName}/${path.stackName}`;

export const stackNotFound = (path: StackPath) => notFound(`Stack '${pathText(path)}'`);

/** Errors of look-ups that ignored the case of the names: to look for the exact names would find nothing. */
const certain = new WeakSet<Error>();

/** The same after a look-up that ignored the case of the names. */
export function noSuchStack(path: StackPath): Error {
  const error = stackNotFound(path);
  certain.add(error);
  return error;
}

export const isCertain = (error: Error): boolean => certain.has(error);

/** Name of the Durable Object that owns a stack's running update. It follows from the path, so that no look-up is needed. */
export const coordinatorName = (orgId: string, path: Pick<StackPath, "projectName" | "stackName">) =>
  `${orgId}/${path.projectName}/${path.stackName}`.toLowerCase();
