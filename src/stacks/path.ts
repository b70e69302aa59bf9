import { sql } from "drizzle-orm";
import type { StackRef } from "../auth/policy.ts";
import { notFound } from "../errors.ts";

/** `organization/project/stack`. */
export interface StackPath {
  orgName: string;
  projectName: string;
  stackName: string;
}

/** Condition for the undeleted stack of a path; it ignores the case of the names and uses the index. */
export const stackAtAnyCase = (orgId: string, { projectName, stackName }: StackRef) =>
  sql`(stacks.org_id = ${orgId} AND lower(stacks.project) = lower(${projectName}) AND lower(stacks.name) = lower(${stackName}) AND stacks.deleted_at IS NULL)`;

/** Condition for the undeleted stack of a path with exactly these names. `writtenNames` finds the exact names of a path in another case. */
export const stackAt = (orgId: string, path: StackPath) =>
  sql`(${stackAtAnyCase(orgId, path)} AND stacks.project = ${path.projectName} AND stacks.name = ${path.stackName})`;

/** SQL condition: the stack of a path, with exactly these names, exists. */
export const stackExists = (orgId: string, path: StackPath) => sql`EXISTS (SELECT 1 FROM stacks WHERE ${stackAt(orgId, path)})`;

export const pathText = (path: StackPath) => `${path.orgName}/${path.projectName}/${path.stackName}`;

/** The name of a stack in an audit record. */
export const auditName = (path: StackPath) => `${path.projectName}/${path.stackName}`;

export const stackNotFound = (path: StackPath) => notFound(`Stack '${pathText(path)}'`);

/** Errors of look-ups that ignored the case of the names: to look for the exact names would find nothing. */
const certain = new WeakSet<Error>();

/** The 404 after a look-up that ignored the case of the names. */
export function noSuchStack(path: StackPath): Error {
  const error = stackNotFound(path);
  certain.add(error);
  return error;
}

export const isCertain = (error: Error): boolean => certain.has(error);

/** Name of the Durable Object that owns a stack's running update. It follows from the path, so that no look-up is needed. */
export const coordinatorName = (orgId: string, path: Pick<StackPath, "projectName" | "stackName">) =>
  `${orgId}/${path.projectName}/${path.stackName}`.toLowerCase();
